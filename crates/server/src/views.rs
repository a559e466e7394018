//! The views of step-by-step guides, from a folder of JSON files
//! (docs/protocol/participant-service.md §3.9, §6.3).
//!
//! A file is one object: `Id` (1 to 500 letters, digits and `_-:/$`), `Name` (1 to 255 characters),
//! `Version` (a number, 1 without it) and `Content` with `InputSchema`, `Template` and `Actions`. Schema
//! and template are JSON, written as such or as text. The folder is read when the server starts. A demo
//! without a folder has one view of its own, `parcel`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use chatloom_engine::{limits, token};
use chatloom_wire::{
    ContactId, Timestamp,
    participant::{MAX_CONTENT_BYTES, View, ViewContent},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Config;

/// The largest file, in bytes, and the most files.
const MAX_BYTES: u64 = 1 << 20;
const MAX_VIEWS: usize = 1_000;
/// The view of a demo, and where it is in the source.
const DEMO: &str = include_str!("../assets/demo/view.json");
const DEMO_PATH: &str = "assets/demo/view.json";

/// Views by id.
#[derive(Debug, Default)]
pub(crate) struct Views(BTreeMap<String, View>);

/// Why the views cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("views.folder: {path}: {problem}")]
pub struct ViewsError {
    /// Which file or folder.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: String,
}

/// A message that shows a view.
pub(crate) struct Shown {
    /// Its content.
    pub(crate) content: String,
    /// What the page fetches the view by.
    pub(crate) token: String,
}

/// Why a view cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotShown {
    #[error("there is no such view in views.folder")]
    Unknown,
    #[error("viewData: must be an object")]
    NoObject,
    #[error("viewData: must be small enough for a message of 16,384 bytes")]
    TooLarge,
    #[error("the view's token cannot be made")]
    NoToken,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ViewFile {
    id: String,
    name: String,
    #[serde(default = "first")]
    version: i64,
    content: ContentFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ContentFile {
    input_schema: Value,
    template: Value,
    #[serde(default)]
    actions: Vec<String>,
}

fn first() -> i64 {
    1
}

impl Views {
    /// The views of the configured folder. Without one a demo has its own and everybody else none.
    pub(crate) fn load(config: &Config) -> Result<Self, ViewsError> {
        let at = |path: &Path, problem: String| ViewsError { path: path.to_owned(), problem };
        let Some(folder) = &config.views.folder else {
            let mut views = BTreeMap::new();
            if config.demo {
                let view =
                    parse(DEMO, config).map_err(|problem| at(Path::new(DEMO_PATH), problem))?;
                views.insert(view.id.clone().unwrap_or_default(), view);
            }
            return Ok(Self(views));
        };
        let failed = |error: io::Error| at(folder, error.to_string());
        let mut views = BTreeMap::new();
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        for path in files {
            let view = read(&path, config).map_err(|problem| at(&path, problem))?;
            let id = view.id.clone().unwrap_or_default();
            if views.len() == MAX_VIEWS {
                return Err(at(folder, format!("more than {MAX_VIEWS} views")));
            }
            if views.insert(id.clone(), view).is_some() {
                return Err(at(&path, format!("the view {id:?} is there twice")));
            }
        }
        Ok(Self(views))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&View> {
        self.0.get(id)
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The message that shows a view in a chat.
    pub(crate) fn show(
        &self,
        tokens: &token::Keys,
        now: Timestamp,
        chat: &ContactId,
        view: &str,
        data: Option<&Value>,
    ) -> Result<Shown, NotShown> {
        if self.get(view).is_none() {
            return Err(NotShown::Unknown);
        }
        if !data.is_none_or(Value::is_object) {
            return Err(NotShown::NoObject);
        }
        let end = now.plus_millis(limits::CONNECTION_TOKEN_MS);
        let token = tokens.mint_view(chat, view, end).map_err(|error| {
            tracing::error!(%error, "a token cannot be made");
            NotShown::NoToken
        })?;
        let nothing = json!({});
        let content = json!({
            "templateType": "ViewResource",
            "version": "1.0",
            "data": { "content": {
                "viewId": view, "viewToken": token, "viewData": data.unwrap_or(&nothing),
            } },
        })
        .to_string();
        if content.len() > MAX_CONTENT_BYTES {
            return Err(NotShown::TooLarge);
        }
        Ok(Shown { content, token })
    }
}

fn read(path: &Path, config: &Config) -> Result<View, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("larger than {MAX_BYTES} bytes"));
    }
    parse(&fs::read_to_string(path).map_err(|error| error.to_string())?, config)
}

fn parse(text: &str, config: &Config) -> Result<View, String> {
    // Serde also reads a struct from a list.
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    let file: ViewFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let ViewFile { id, name, version, content } = file;
    if !(1..=500).contains(&id.len())
        || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:/$".contains(&byte))
    {
        return Err("Id: 1 to 500 letters, digits, '_', '-', ':', '/' and '$'".to_owned());
    }
    if !(1..=255).contains(&name.chars().count()) {
        return Err("Name: 1 to 255 characters".to_owned());
    }
    if !content.actions.iter().all(|action| (1..=255).contains(&action.chars().count())) {
        return Err("Actions: 1 to 255 characters each".to_owned());
    }
    let instance = &config.instance;
    Ok(View {
        arn: Some(format!(
            "arn:aws:connect:{}:000000000000:instance/{}/view/{id}",
            instance.region, instance.id
        )),
        id: Some(id),
        name: Some(name),
        version: Some(version),
        content: Some(ViewContent {
            input_schema: Some(json_text("InputSchema", content.input_schema)?),
            template: Some(json_text("Template", content.template)?),
            actions: content.actions,
        }),
    })
}

/// JSON as text, whichever way it was written.
fn json_text(member: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(&text).is_ok() => Ok(text),
        value @ (Value::Object(_) | Value::Array(_)) => Ok(value.to_string()),
        _ => Err(format!("{member}: neither JSON nor a text that is JSON")),
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing {
    //! A fuzz target for files of views.

    use serde_json::Value;

    use super::parse;
    use crate::config::Config;

    /// What is taken as a view can be answered as one: a name that stands in a path, and JSON where
    /// clients read JSON.
    pub fn view_file(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let Ok(view) = parse(text, &Config::default()) else { return };
        assert!(text.trim_start().starts_with('{'), "it is an object");
        let id = view.id.as_deref().expect("it has an id");
        assert!(http::Uri::try_from(format!("/{id}")).is_ok(), "{id} stands in a path");
        assert!(view.name.is_some_and(|name| !name.is_empty()));
        let content = view.content.expect("it has a content");
        for text in [content.input_schema, content.template] {
            let text = text.expect("it has both");
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text} is JSON");
        }
        assert!(content.actions.iter().all(|action| !action.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<Views, ViewsError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut config = Config::default();
        config.views.folder = Some(folder.path().to_owned());
        Views::load(&config)
    }

    const CONTENT: &str = r#""Content":{"InputSchema":{},"Template":"[1]","Actions":["Go"]}"#;

    fn view(head: &str) -> String {
        format!("{{{head},{CONTENT}}}")
    }

    #[test]
    fn views_are_read_as_clients_get_them() {
        let good = view(r#""Id":"parcel:$LATEST","Name":"Parcel","Version":3"#);
        let views = load(&[("a.json", &good), ("notes.txt", "not a view")]).unwrap();
        let view = views.get("parcel:$LATEST").unwrap();
        assert_eq!((view.name.as_deref(), view.version), (Some("Parcel"), Some(3)));
        assert!(view.arn.as_deref().unwrap().ends_with("/view/parcel:$LATEST"));
        let content = view.content.as_ref().unwrap();
        assert_eq!(content.input_schema.as_deref(), Some("{}"));
        assert_eq!(content.template.as_deref(), Some("[1]"));
        assert!(views.get("parcel").is_none());
        assert!(load(&[]).unwrap().get("").is_none());
    }

    #[test]
    fn a_demo_has_a_view_of_its_own_unless_a_folder_is_named() {
        let mut config = Config::demo();
        let views = Views::load(&config).unwrap();
        let view = views.get("parcel").unwrap();
        let content = view.content.as_ref().unwrap();
        assert_eq!(content.actions, ["Submit"]);
        let template: Value = serde_json::from_str(content.template.as_deref().unwrap()).unwrap();
        assert_eq!(template["Head"]["Title"], "Where is my parcel?");
        let folder = tempfile::tempdir().unwrap();
        config.views.folder = Some(folder.path().to_owned());
        assert!(Views::load(&config).unwrap().get("parcel").is_none());
        assert!(Views::load(&Config::default()).unwrap().get("parcel").is_none());
    }

    #[test]
    fn what_is_no_view_is_named() {
        let long = view(&format!(r#""Id":"{}","Name":"a""#, "x".repeat(501)));
        let good = view(r#""Id":"a","Name":"a""#);
        let cases: [(&str, &str); 8] = [
            ("{", "EOF"),
            (r#"["a","a",1,{"InputSchema":{},"Template":{}}]"#, "object"),
            (&view(r#""Id":"a b","Name":"a""#), "Id"),
            (&long, "Id"),
            (&view(r#""Id":"a","Name":"""#), "Name"),
            (&view(r#""Id":"a","Name":"a","Nmae":"b""#), "Nmae"),
            (r#"{"Id":"a","Name":"a","Content":{"InputSchema":1,"Template":{}}}"#, "InputSchema"),
            (r#"{"Id":"a","Name":"a","Content":{"InputSchema":{},"Template":"{"}}"#, "Template"),
        ];
        for (text, word) in cases {
            let error = load(&[("x.json", text)]).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("x.json"), "{error}");
        }
        let twice = load(&[("a.json", &good), ("b.json", &good)]).unwrap_err().to_string();
        assert!(twice.contains("twice"), "{twice}");
        let mut config = Config::default();
        config.views.folder = Some("/nowhere/at/all".into());
        assert!(Views::load(&config).unwrap_err().to_string().contains("/nowhere/at/all"));
    }
}
