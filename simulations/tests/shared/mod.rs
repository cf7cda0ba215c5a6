//! Real data sets, which lie outside the repository.

use std::path::{Path, PathBuf};

/// The file `name` of the folder that `FANJU_SHARED` names, or else of `shared` beside the checkout; says so
/// loudly when it is not there.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("FANJU_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("data").join(name);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("SKIPPED: real data, not in this repository: {}", path.display());
    None
}
