module.exports = {
  mode: "production",
  entry: { main: "./src/main.js", slim: "./src/slim.js" },
  output: { publicPath: "/dist/" },
  performance: { hints: false },
};
