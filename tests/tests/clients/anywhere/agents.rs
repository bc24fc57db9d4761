//! The coding agents, each as its users run it, at work on upstreams of other vendors.

use std::path::Path;
use std::time::Duration;

use orchestra_testkit::Agent;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::World;
use crate::harness::{CLIENT_KEY, Tool, assert_signed, nobody_listens};

/// The longest that a task may take. It takes about a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent's home, and a folder to work in.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        Self { folder }
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    fn work(&self, name: &str) -> String {
        let path = self.folder.path().join("work").join(name);
        path.to_str().expect("it is made of text").to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work(name)).unwrap_or_default()
    }

    /// A program of a Node package, in an environment that holds nothing but what it needs.
    fn program(&self, path: &str) -> Command {
        let mut command = Command::new(Tool::Node.path());
        command
            .arg(Path::new(&Tool::NodeModules.path()).join(path))
            .current_dir(self.folder.path().join("work"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path().join("home"))
            // Whatever an agent wants to reach beside the gateway is not there.
            .env("HTTPS_PROXY", nobody_listens())
            .env("NO_PROXY", "127.0.0.1")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// Whether the upstream was shown a picture.
fn shown_a_picture(world: &World) -> bool {
    let log = world.upstream.log();
    let mut bodies = log
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body));
    bodies.any(|body| body.contains("image/png"))
}

/// Runs it to its end and returns what it printed.
async fn printed(mut command: Command, world: &World) -> String {
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .unwrap_or_else(|_| panic!("it takes longer than {PATIENCE:?}"))
        .expect("it can be started");
    let (out, complaints) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{}\n{out}\n{complaints}\n{}",
        output.status,
        world.server.log()
    );
    out
}

/// A white pixel.
const PIXEL: [u8; 68] = [
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0,
    0, 0, 181, 28, 12, 2, 0, 0, 0, 11, 73, 68, 65, 84, 120, 218, 99, 252, 255, 31, 0, 3, 3, 2, 0,
    239, 162, 167, 91, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

/// Claude Code writes a file, runs a command beside it, looks at a picture, changes the file and
/// tells the end.
async fn claude_code(model: &str) {
    let desk = Desk::new();
    let file = desk.work("note.txt");
    let picture = desk.work("white.png");
    std::fs::write(&picture, PIXEL).expect("a file can be written");
    let write = json!({"file_path": file, "content": "Grüezi \"wohl\"\n\tline 2 🏔\n"});
    let run = json!({"command": "printf 'one %s' two > made.txt", "description": "Make a file"});
    // It adds what has a default before it hands a call back, so nothing is left out here.
    let edit = json!({"file_path": file, "old_string": "line 2", "new_string": "line \\two\\",
                      "replace_all": false});
    let agent = Agent::new()
        .call("Write", write.to_string())
        .call("Bash", run.to_string())
        .then()
        .call("Read", json!({ "file_path": picture }).to_string())
        .then()
        .call("Edit", edit.to_string());
    let world = World::start(&agent).await;
    let mut command = desk.program("@anthropic-ai/claude-code/cli-wrapper.cjs");
    command
        .args([
            "-p",
            "Make the note.",
            "--output-format",
            "json",
            "--model",
            model,
        ])
        .args(["--permission-mode", "acceptEdits", "--allowedTools", "Bash"])
        .env("CLAUDE_CONFIG_DIR", desk.home().join("home/config"))
        .env("ANTHROPIC_BASE_URL", world.server.url())
        .env("ANTHROPIC_API_KEY", CLIENT_KEY)
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("CLAUDE_CODE_MAX_RETRIES", "0")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_ERROR_REPORTING", "1");
    let told = printed(command, &world).await;
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("no JSON: {told}"));
    assert_eq!(told["is_error"], false, "{told}");
    let last = told["result"].as_str().unwrap_or_default();
    assert!(last.starts_with("The tools say: The file "), "{told}");
    assert_eq!(desk.read("note.txt"), "Grüezi \"wohl\"\n\tline \\two\\ 🏔\n");
    assert_eq!(desk.read("made.txt"), "one two");
    // DeepSeek sees none.
    assert_eq!(shown_a_picture(&world), !model.starts_with("deepseek"));
    assert_signed(&world.upstream.log());
}

#[tokio::test]
async fn claude_code_on_chat_completions() {
    claude_code("chat-only/gpt-5-mini").await;
}

#[tokio::test]
async fn claude_code_on_responses() {
    claude_code("responses-only/gpt-5-mini").await;
}

#[tokio::test]
async fn claude_code_on_gemini() {
    claude_code("gemini-only/gemini-3.1-pro-preview").await;
}

#[tokio::test]
async fn claude_code_on_deepseek() {
    claude_code("deepseek/deepseek-v4-pro").await;
}

/// Codex runs two commands at once, then looks at a picture beside another, and tells the end.
async fn codex(model: &str) {
    let desk = Desk::new();
    let picture = desk.work("white.png");
    std::fs::write(&picture, PIXEL).expect("a file can be written");
    let write = json!({"cmd": "printf 'Gr\u{fc}ezi \"%s\"' wohl > note.txt"});
    let other = json!({"cmd": "printf two > made.txt", "yield_time_ms": 5000});
    let more = json!({"cmd": "cat made.txt >> note.txt && echo appended"});
    let agent = Agent::new()
        .call("exec_command", write.to_string())
        .call("exec_command", other.to_string())
        .then()
        .call("view_image", json!({ "path": picture }).to_string())
        .call("exec_command", more.to_string());
    let world = World::start(&agent).await;
    let said = codex_says(&world, &desk, model).await;
    assert!(said.contains("appended"), "{said}");
    assert_eq!(desk.read("note.txt"), "Grüezi \"wohl\"two");
    assert!(shown_a_picture(&world), "the picture is lost");
}

/// Believing that it talks to a model that it knows, Codex offers a tool that takes a text in
/// place of arguments, which the upstream does not have.
async fn codex_patches(target: &str) {
    let patch =
        "*** Begin Patch\n*** Add File: note.txt\n+Grüezi \"wohl\"\n+\tline 2\n*** End Patch\n";
    let agent = Agent::new().call("apply_patch", json!({ "input": patch }).to_string());
    let alias = format!("\"gpt-5.5\" = \"{target}\"\n");
    let world = World::with(&agent, &alias).await;
    let desk = Desk::new();
    let said = codex_says(&world, &desk, "gpt-5.5").await;
    assert!(said.contains("Success"), "{said}");
    assert_eq!(desk.read("note.txt"), "Grüezi \"wohl\"\n\tline 2\n");
}

/// Has it work on a task, and returns its last words.
async fn codex_says(world: &World, desk: &Desk, model: &str) -> String {
    let settings = desk.home().join("home/codex");
    std::fs::create_dir(&settings).expect("a folder can be made");
    let config = codex_config(model, &world.server.url());
    std::fs::write(settings.join("config.toml"), config).expect("a file can be written");
    let mut command = desk.program("@openai/codex/bin/codex.js");
    command
        .args(["exec", "--skip-git-repo-check", "--json", "Make the note."])
        .env("CODEX_HOME", settings)
        .env("GATEWAY_KEY", CLIENT_KEY);
    let told = printed(command, world).await;
    assert_signed(&world.upstream.log());
    let events = told
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut said = events
        .filter(|event| event["item"]["type"] == "agent_message")
        .filter_map(|event| event["item"]["text"].as_str().map(str::to_owned));
    said.next()
        .unwrap_or_else(|| panic!("it said nothing: {told}"))
}

/// The commands are our own, so they need no sandbox, which is not to be had in all places.
fn codex_config(model: &str, url: &str) -> String {
    format!(
        "model = \"{model}\"\nmodel_provider = \"gateway\"\napproval_policy = \"never\"\n\
         sandbox_mode = \"danger-full-access\"\ncheck_for_update_on_startup = false\n\
         [model_providers.gateway]\nname = \"gateway\"\nbase_url = \"{url}/v1\"\n\
         env_key = \"GATEWAY_KEY\"\nwire_api = \"responses\"\nrequest_max_retries = 0\n\
         stream_max_retries = 0\n[analytics]\nenabled = false\n\
         [features]\nplugins = false\napps = false\n"
    )
}

#[tokio::test]
async fn codex_on_messages() {
    codex("messages-only/claude-sonnet-5-5").await;
}

#[tokio::test]
async fn codex_on_messages_with_a_budget() {
    codex("messages-only/claude-haiku-4-5").await;
}

#[tokio::test]
async fn codex_on_chat_completions() {
    codex("chat-only/gpt-5-mini").await;
}

#[tokio::test]
async fn codex_on_gemini() {
    codex("gemini-only/gemini-3.1-pro-preview").await;
}

#[tokio::test]
async fn codex_patches_on_messages() {
    codex_patches("messages-only/claude-sonnet-5-5").await;
}

#[tokio::test]
async fn codex_patches_on_gemini() {
    codex_patches("gemini-only/gemini-3.1-pro-preview").await;
}
