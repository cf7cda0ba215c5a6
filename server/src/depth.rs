//! How deep what comes in may be nested: looked at before it is read, since reading costs stack.

use crate::limits;

/// Whether objects and lists lie in each other no deeper than [`limits::JSON_DEPTH_MAX`] in `json`,
/// which may be anything else.
#[must_use]
pub fn fits(json: &[u8]) -> bool {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > limits::JSON_DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// What whoever went deeper is told.
#[must_use]
pub fn too_deep() -> String {
    format!("it is nested deeper than {}", limits::JSON_DEPTH_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_is_open_and_no_brackets_in_texts() {
        let max = limits::JSON_DEPTH_MAX;
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(fits(nested(max).as_bytes()));
        assert!(!fits(nested(max + 1).as_bytes()));
        assert!(!fits("{\"a\":".repeat(max + 1).as_bytes()), "also what has no end");
        assert!(fits("[],".repeat(10 * max).as_bytes()), "one after another is not deep");
        let quoted = format!("[\"{}\\\"{}\"]", "[".repeat(10 * max), "{".repeat(10 * max));
        assert!(fits(quoted.as_bytes()));
    }
}
