//! The stand-alone program.

use std::process::Stdio;

use crate::support::{CHAT, Client, chat, soon};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestra-testkit"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_prints_its_address_and_obeys_directives() {
    let mut running = program(&["--addr", "127.0.0.1:0", "status=503", "every=2"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let url = soon(lines.next_line()).await.unwrap().unwrap();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut client = Client::connect(address).await;
    assert_eq!(client.post(CHAT, &chat("m", false)).await.status, 200);
    assert_eq!(
        client
            .post(CHAT, &chat("[[fake status=404]]", false))
            .await
            .status,
        404
    );
    assert_eq!(
        client.get("/__testkit/log", &[]).await.json()["requests"],
        2
    );
}

#[tokio::test]
async fn it_explains_wrong_arguments() {
    for (arguments, expected) in [
        (&["--port"][..], "unknown argument --port"),
        (&["--addr"], "--addr needs a value"),
        (&["stauts=1"], "stauts=1"),
        (&["--script", "no-such-file"], "no-such-file"),
    ] {
        let output = soon(program(arguments).output()).await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && text.contains(expected),
            "{text}"
        );
    }
}
