//! String enumerations that keep values they do not know.

/// Gives an enum of strings, the last of which is `Other`, its texts and a reader. A browser downloads
/// this: with a table it is a quarter of the code that a `match` on strings takes, and lengths decide
/// nearly every comparison.
macro_rules! known_texts {
    ($(#[$meta:meta])* $name:ident::$text_of:ident { $( $variant:ident = $text:literal, )* }) => {
        impl $name {
            /// Every value this version knows.
            pub const KNOWN: &'static [$name] = &[$( $name::$variant, )*];

            const TEXTS: &'static [&'static str] = &[$( $text, )*];

            $(#[$meta])*
            pub fn $text_of(&self) -> &str {
                enum Place { $( $variant, )* }
                let place = match self {
                    $( Self::$variant => Place::$variant, )*
                    Self::Other(text) => return text,
                };
                Self::TEXTS[place as usize]
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match Self::TEXTS.iter().position(|known| *known == text) {
                    Some(place) => Self::KNOWN[place].clone(),
                    None => Self::Other(text.into()),
                }
            }
        }
    };
}

/// Declares an enum of known wire strings plus `Other`, which keeps any other string as it came.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
            /// A value this version does not know, as the peer spelled it.
            Other(Box<str>),
        }

        crate::open_enum::known_texts! {
            /// The value as it is spelled on the wire.
            $name::as_str { $( $variant = $text, )* }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::from_text(deserializer, "a string", |text| {
                    Ok::<_, std::convert::Infallible>(Self::from(text))
                })
            }
        }
    };
}

pub(crate) use {known_texts, open_enum};
