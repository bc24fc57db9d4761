//! Where the programs are that the tests start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A tool that `cargo xtask test` prepares and names in the environment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    Python,
    Node,
    /// The folder with Node's packages.
    NodeModules,
}

impl Tool {
    /// Where it is.
    pub(crate) fn path(self) -> OsString {
        let variable = match self {
            Self::Python => "ORCHESTRA_TEST_PYTHON",
            Self::Node => "ORCHESTRA_TEST_NODE",
            Self::NodeModules => "ORCHESTRA_TEST_NODE_PATH",
        };
        std::env::var_os(variable)
            .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
    }
}

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// One of our own binaries, next to the folder that this test was built into.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program knows where it is");
    let built = test.parent().and_then(Path::parent);
    let path = built
        .expect("tests are built into target/PROFILE/deps")
        .join(name);
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo xtask test`",
        path.display()
    );
    path
}
