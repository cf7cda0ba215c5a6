//! What does not fit, in words for whoever calls the interface: serde speaks of Rust's types.
//!
//! What serde says that is not known here stays as it is.

use serde_json::Error;

/// Why a text is no JSON, or none of the kind that is taken.
pub(crate) fn no_json(error: &Error) -> String {
    let what = if error.is_data() {
        return in_words(error, &[]);
    } else if error.is_eof() {
        "it ends too early"
    } else if error.to_string().starts_with("recursion limit") {
        "it is nested too deeply"
    } else {
        "it is no JSON from there on"
    };
    format!("{what}, line {}, column {}", error.line(), error.column())
}

/// Why a value does not fit. `elsewhere` are fields that are told in another place than this.
pub(crate) fn in_words(error: &Error, elsewhere: &[&str]) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    // What was sent may hold anything, what is expected does not hold this.
    let Some((found, expected)) = text.rsplit_once(", expected ") else { return text.to_owned() };
    if let Some(found) = found.strip_prefix("invalid type: ") {
        format!("expected {}, not {}", kind(expected), sent(found))
    } else if let Some(found) = found.strip_prefix("invalid value: ") {
        let expected = range(expected).unwrap_or_else(|| kind(expected).to_owned());
        format!("expected {expected}, not {}", sent(found))
    } else if let Some(word) = found.strip_prefix("unknown variant ") {
        format!("unknown word {word}, known are {}", names(expected, &[]))
    } else if found.starts_with("unknown field ") {
        format!("{found}, known are {}", names(expected, elsewhere))
    } else {
        text.to_owned()
    }
}

/// The names of a list in serde's words, without those of `elsewhere`.
fn names(expected: &str, elsewhere: &[&str]) -> String {
    let quoted = expected.split('`').skip(1).step_by(2);
    let here = quoted.filter(|name| !elsewhere.contains(name)).map(|name| format!("`{name}`"));
    let here: Vec<String> = here.collect();
    if here.is_empty() { "none".to_owned() } else { here.join(", ") }
}

/// What was sent.
fn sent(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("boolean" | "integer", value)) => value.trim_matches('`').to_owned(),
        Some(("floating", value)) => {
            value.trim_start_matches("point ").trim_matches('`').to_owned()
        }
        Some(_) => found.to_owned(),
        None if found == "map" => "an object".to_owned(),
        None if found == "sequence" => "a list".to_owned(),
        None => found.to_owned(),
    }
}

/// What kind of value fits.
fn kind(expected: &str) -> &str {
    if range(expected).is_some() {
        return "a whole number";
    }
    match expected {
        "a string" | "a borrowed string" | "string" | "variant identifier" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        "string or map" => "a text or an object",
        _ if expected.starts_with("struct ") || expected.contains("tagged enum ") => "an object",
        _ => expected,
    }
}

/// Which whole numbers fit, where that is what fits.
fn range(expected: &str) -> Option<String> {
    let most = match expected {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        "u64" | "usize" => u64::MAX,
        "i64" => return Some(format!("a whole number from {} to {}", i64::MIN, i64::MAX)),
        _ => return None,
    };
    Some(format!("a whole number from 0 to {most}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Debug};

    use serde::{Deserialize, de::DeserializeOwned};
    use serde_json::{Map, Value, from_str, json};

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only that nothing of it can be read is looked at")]
    struct Sent {
        count: u16,
        split: Option<Split>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
    enum Split {
        Equal,
        Itemised,
    }

    /// The one door: what is told of `sent` where a `T` is expected.
    #[track_caller]
    fn check<T: DeserializeOwned + Debug>(sent: Value, told: &str) {
        let error = serde_json::from_value::<T>(sent).expect_err("does not fit");
        assert_eq!(in_words(&error, &[]), told);
    }

    #[test]
    fn no_type_of_rust_is_named() {
        check::<u64>(json!("many"), "expected a whole number, not the text \"many\"");
        check::<usize>(json!(1.5), "expected a whole number, not 1.5");
        check::<i64>(json!(null), "expected a whole number, not null");
        check::<u16>(json!(70_000), "expected a whole number from 0 to 65535, not 70000");
        check::<u8>(json!(-1), "expected a whole number from 0 to 255, not -1");
        check::<u32>(json!(true), "expected a whole number, not true");
        check::<usize>(json!(-1), "expected a whole number from 0 to 18446744073709551615, not -1");
        check::<String>(json!(1), "expected a text, not 1");
        check::<bool>(json!(["x"]), "expected true or false, not a list");
        check::<Vec<u8>>(json!({}), "expected a list, not an object");
        check::<BTreeMap<String, u8>>(json!([]), "expected an object, not a list");
        check::<Sent>(json!("x, expected y"), "expected an object, not the text \"x, expected y\"");
        check::<Sent>(json!({}), "missing field `count`");
        check::<Split>(
            json!({ "mode": "some" }),
            "unknown word `some`, known are `equal`, `itemised`",
        );
        check::<Sent>(json!({ "tip": 1 }), "unknown field `tip`, known are `count`, `split`");
    }

    #[test]
    fn what_is_told_elsewhere_is_not_known_here() {
        let sent = json!({ "tip": 1 });
        let error = serde_json::from_value::<Sent>(sent).expect_err("does not fit");
        let told = |elsewhere| in_words(&error, elsewhere);
        assert_eq!(told(&["count"]), "unknown field `tip`, known are `split`");
        assert_eq!(told(&["count", "split"]), "unknown field `tip`, known are none");
    }

    #[test]
    fn what_is_no_json_is_told_so_and_where() {
        let told =
            |text: &str| no_json(&from_str::<Map<String, Value>>(text).expect_err("is none"));
        assert_eq!(told("nonsense"), "it is no JSON from there on, line 1, column 2");
        assert_eq!(told("{\n\"a\":"), "it ends too early, line 2, column 4");
        assert_eq!(told("[1]"), "expected an object, not a list");
        let deep = format!("{{\"a\":{}", "[".repeat(200));
        assert!(told(&deep).starts_with("it is nested too deeply, line 1"), "{}", told(&deep));
    }
}
