//! The clients and agents that the tests call, installed below `target/test-tools`.
//!
//! Nothing is installed outside the target folder, and nothing twice: a stamp beside
//! each installation holds the pinned files it was made from, word for word.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use cargo_metadata::Metadata;

use crate::command::{self, output_if_installed};

/// What a set of tools adds to the environment of the tests.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Tools {
    /// Adds it to the environment of a command.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    fn absent(folder: &Path) -> Self {
        println!("{} does not exist: nothing to install", folder.display());
        Self::default()
    }
}

/// The packages pinned in `tests/python/requirements.txt`.
///
/// # Errors
/// If the folder is there and the packages cannot be installed.
pub(crate) fn python(workspace: &Metadata) -> anyhow::Result<Tools> {
    let folder = tests_folder(workspace, "python");
    if !folder.is_dir() {
        return Ok(Tools::absent(&folder));
    }
    let requirements = folder.join("requirements.txt");
    let pinned = read_pinned(&requirements)?;
    let version = output_if_installed(Command::new("python3").arg("--version"))?
        .context("python3 is not installed: the tests need Python 3.9 or later with venv or pip")?;
    let place = Place::new(workspace, "python");
    let stamp = format!("{version}\n{pinned}");
    if place.is_stale(&stamp) {
        println!(
            "installing into {}:\n{}",
            place.root.display(),
            pinned.trim()
        );
        place.clear()?;
        install_python(&place.root, &requirements)?;
        place.seal(&stamp)?;
    }
    Ok(python_environment(&place.root))
}

/// The packages pinned in `tests/node/package.json` and its lock file.
///
/// # Errors
/// If the folder is there and the packages cannot be installed.
pub(crate) fn node(workspace: &Metadata) -> anyhow::Result<Tools> {
    let folder = tests_folder(workspace, "node");
    if !folder.is_dir() {
        return Ok(Tools::absent(&folder));
    }
    let package = read_pinned(&folder.join("package.json"))?;
    let lock = fs::read_to_string(folder.join("package-lock.json")).ok();
    let node = output_if_installed(Command::new("node").args(["-p", "process.execPath"]))?
        .context("node is not installed: the tests need Node.js 20.19 or later")?;
    let place = Place::new(workspace, "node");
    let stamp = format!("{node}\n{package}\n{}", lock.as_deref().unwrap_or_default());
    if place.is_stale(&stamp) {
        println!("installing into {}:\n{package}", place.root.display());
        place.clear()?;
        install_node(&place.root, &package, lock.as_deref())?;
        place.seal(&stamp)?;
    }
    let modules = place.root.join("node_modules");
    Ok(Tools {
        environment: vec![
            ("ORCHESTRA_TEST_NODE", node.into()),
            ("ORCHESTRA_TEST_NODE_PATH", modules.into()),
        ],
    })
}

/// The package pinned in `tests/postgres/requirements.txt`; gives the folder that it was unpacked into.
///
/// # Errors
/// If it cannot be installed, as on a system for which there is none.
pub(crate) fn postgres(workspace: &Metadata) -> anyhow::Result<PathBuf> {
    let requirements = tests_folder(workspace, "postgres").join("requirements.txt");
    let pinned = read_pinned(&requirements)?;
    let place = Place::new(workspace, "postgres");
    if place.is_stale(&pinned) {
        println!("installing into {}", place.root.display());
        place.clear()?;
        install_postgres(&place.root, &requirements)?;
        place.seal(&pinned)?;
    }
    Ok(place.root.join(SITE))
}

fn tests_folder(workspace: &Metadata, name: &str) -> PathBuf {
    let root = workspace.workspace_root.as_std_path();
    root.join("tests").join(name)
}

fn read_pinned(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("{} must pin what the tests call", path.display()))
}

/// Where one set of tools lives.
struct Place {
    root: PathBuf,
}

impl Place {
    fn new(workspace: &Metadata, name: &str) -> Self {
        let target = workspace.target_directory.as_std_path();
        Self {
            root: target.join("test-tools").join(name),
        }
    }

    fn stamp(&self) -> PathBuf {
        self.root.join("installed-from")
    }

    /// Whether something else than this is installed, or nothing.
    fn is_stale(&self, stamp: &str) -> bool {
        let current = fs::read_to_string(self.stamp()).is_ok_and(|installed| installed == stamp);
        if current {
            println!("up to date: {}", self.root.display());
        }
        !current
    }

    /// Starts from nothing, so that no leftover of an older set is ever tested.
    fn clear(&self) -> anyhow::Result<()> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root)
                .with_context(|| format!("cannot empty {}", self.root.display()))?;
        }
        fs::create_dir_all(&self.root)
            .with_context(|| format!("cannot create {}", self.root.display()))
    }

    /// Written last: an interrupted installation leaves no stamp and is done again.
    fn seal(&self, stamp: &str) -> anyhow::Result<()> {
        fs::write(self.stamp(), stamp)
            .with_context(|| format!("cannot write {}", self.stamp().display()))
    }
}

const SITE: &str = "site-packages";

fn venv_python(root: &Path) -> PathBuf {
    root.join("venv").join("bin").join("python")
}

/// A virtual environment; where the system has no `venv`, a folder for `PYTHONPATH`.
fn install_python(root: &Path, requirements: &Path) -> anyhow::Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(root.join("venv"));
    let mut pip;
    if command::run(&mut venv).is_ok() {
        pip = Command::new(venv_python(root));
        pip.args(["-m", "pip", "install"]);
    } else {
        println!("python3 has no venv here: installing into a plain folder");
        // A half-made environment must not be taken for a whole one.
        fs::remove_dir_all(root.join("venv")).ok();
        pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--target"])
            .arg(root.join(SITE));
    }
    pip.args(["--quiet", "--disable-pip-version-check", "-r"]);
    command::run(pip.arg(requirements)).context(
        "cannot install the Python packages; with neither venv nor pip, install python3-venv",
    )
}

/// Into a plain folder, whose place does not depend on the version of Python.
fn install_postgres(root: &Path, requirements: &Path) -> anyhow::Result<()> {
    let mut pip = pip(root)?;
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    // What it depends on is for its own Python code, which nobody calls.
    pip.args(["--no-deps", "--target"]).arg(root.join(SITE));
    // It warns root of changes to the system, of which there are none.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    command::run(pip.arg("-r").arg(requirements))
        .context("cannot install PostgreSQL from the package index of Python")
}

/// The system's `pip`, or that of a virtual environment made for it.
fn pip(root: &Path) -> anyhow::Result<Command> {
    let mut python = Command::new("python3");
    let version = output_if_installed(python.args(["-m", "pip", "--version"]));
    let mut pip = if matches!(version, Ok(Some(_))) {
        Command::new("python3")
    } else {
        let mut venv = Command::new("python3");
        command::run(venv.args(["-m", "venv"]).arg(root.join("venv")))
            .context("neither pip nor venv works with python3, if that is installed at all")?;
        Command::new(venv_python(root))
    };
    pip.args(["-m", "pip"]);
    Ok(pip)
}

fn python_environment(root: &Path) -> Tools {
    let venv = venv_python(root);
    let environment = if venv.exists() {
        vec![("ORCHESTRA_TEST_PYTHON", venv.into())]
    } else {
        vec![
            ("ORCHESTRA_TEST_PYTHON", "python3".into()),
            ("PYTHONPATH", root.join(SITE).into()),
        ]
    };
    Tools { environment }
}

fn install_node(root: &Path, package: &str, lock: Option<&str>) -> anyhow::Result<()> {
    if output_if_installed(Command::new("npm").arg("--version"))?.is_none() {
        bail!("npm is not installed: it comes with Node.js, in some systems as a package `npm`");
    }
    fs::write(root.join("package.json"), package).context("cannot copy package.json")?;
    let how = match lock {
        Some(lock) => {
            let path = root.join("package-lock.json");
            fs::write(path, lock).context("cannot copy package-lock.json")?;
            "ci"
        }
        None => "install",
    };
    // Nothing that a package wants to do on its own is needed: the agents' programs come in
    // packages and are found there.
    let mut npm = Command::new("npm");
    npm.args([how, "--ignore-scripts"]);
    npm.args(["--no-audit", "--no-fund", "--loglevel=error"]);
    command::run(npm.current_dir(root)).context("cannot install the Node.js packages")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_of_the_pinned_files_installs_again() {
        let unique = format!("xtask-place-{}", std::process::id());
        let place = Place {
            root: std::env::temp_dir().join(unique),
        };
        assert!(place.is_stale("a==1"));
        place.clear().unwrap();
        assert!(place.is_stale("a==1"));
        place.seal("a==1").unwrap();
        assert!(!place.is_stale("a==1"));
        assert!(place.is_stale("a==2"));
        place.clear().unwrap();
        assert!(place.is_stale("a==1"));
        fs::remove_dir_all(&place.root).unwrap();
    }
}
