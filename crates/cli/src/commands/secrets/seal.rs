//! `orchestra secrets seal` and `unseal`

use std::process::ExitCode;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orchestra_secrets::SlotKind;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::control::{Refused, Server};
use super::desk::Desk;
use super::offers::Presented;
use super::unlock::Attempt;
use crate::arguments::secrets::UnsealServer;

pub(super) async fn seal(desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let server = server(desk).await?;
    server
        .post("/v1/secrets/seal", Zeroizing::new("{}".to_owned()))
        .await?;
    desk.output.result(&json!({ "sealed": true }), || {
        "The running server has forgotten its keys: calls are answered with status 503 until `orchestra secrets unseal`.\n"
            .to_owned()
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn unseal(arguments: &UnsealServer, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let server = server(desk).await?;
    let status = server.get("/v1/secrets/status").await?;
    let was_sealed = status["sealed"] == true;
    if was_sealed {
        let unseal = async |presented: Presented| post(&server, &presented).await;
        desk.present(&arguments.unlock, &kinds(&status)?, unseal)
            .await?;
    }
    let told = json!({ "sealed": false, "was_sealed": was_sealed });
    desk.output.result(&told, || {
        let said = if was_sealed {
            "is unsealed"
        } else {
            "is not sealed"
        };
        format!("The running server {said}: it serves calls.\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn server<'d>(desk: &'d Desk<'_>) -> anyhow::Result<Server<'d>> {
    let path = desk.place.control();
    let found = Server::find(path).await?;
    found.with_context(|| {
        format!(
            "no server runs that uses this store: nobody listens at {}. Commands such as `secrets set` need none",
            path.display()
        )
    })
}

/// The kinds of slots that the server's store has.
fn kinds(status: &Value) -> anyhow::Result<Vec<SlotKind>> {
    let known = [
        SlotKind::Passphrase,
        SlotKind::KeyFile,
        SlotKind::PassphraseAndKeyFile,
        SlotKind::Recovery,
    ];
    let Some(slots) = status["store"]["slots"].as_array() else {
        let detail = status["detail"].as_str().unwrap_or("it has no store");
        bail!("the running server cannot be unsealed: {detail}");
    };
    let has = |kind: &SlotKind| slots.iter().any(|slot| slot["kind"] == kind.as_str());
    Ok(known.into_iter().filter(has).collect())
}

async fn post(server: &Server<'_>, presented: &Presented) -> Result<(), Attempt> {
    let Some(body) = body(presented) else {
        return Err(Attempt::Refused);
    };
    match server.post("/v1/secrets/unseal", body).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let refused = error.downcast_ref::<Refused>();
            if refused.is_some_and(|refused| refused.code == "credential_refused") {
                return Err(Attempt::Refused);
            }
            Err(Attempt::Failed(error))
        }
    }
}

/// What is presented, as the server takes it. The service manager's credentials are the server's own business.
fn body(presented: &Presented) -> Option<Zeroizing<String>> {
    Some(match presented {
        Presented::KeyFile(content) => object(&[("key_file", &base64(content))]),
        Presented::Passphrase(text) => object(&[("passphrase", text)]),
        Presented::Both(text, content) => {
            object(&[("passphrase", text), ("key_file", &base64(content))])
        }
        Presented::Recovery(text) => object(&[("recovery_key", text)]),
        Presented::HandedOver(_) => return None,
    })
}

fn base64(content: &[u8]) -> Zeroizing<String> {
    // Room for all of it, so that the buffer never moves.
    let mut text = Zeroizing::new(String::with_capacity(content.len() * 2 + 4));
    STANDARD.encode_string(content, &mut text);
    text
}

/// A JSON object of texts, in one buffer that never moves and is wiped.
fn object(fields: &[(&str, &str)]) -> Zeroizing<String> {
    // A character of one byte takes six at most.
    let room = |(name, text): &(&str, &str)| (name.len() + text.len()) * 6 + 6;
    let mut json = Zeroizing::new(String::with_capacity(
        2 + fields.iter().map(room).sum::<usize>(),
    ));
    for (name, text) in fields {
        let before = if json.is_empty() { '{' } else { ',' };
        json.push(before);
        quote(name, &mut json);
        json.push(':');
        quote(text, &mut json);
    }
    json.push('}');
    json
}

/// RFC 8259, section 7.
fn quote(text: &str, json: &mut String) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            '\0'..='\u{1f}' => {
                let digit = |value: u32| char::from_digit(value & 15, 16).unwrap_or('0');
                let code = u32::from(letter);
                json.extend(['\\', 'u', '0', '0', digit(code >> 4), digit(code)]);
            }
            letter => json.push(letter),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_json_whatever_is_typed() {
        let odd = "\"quoted\" \\ ä \u{0} \u{1f} \u{7f} \u{1f600} \t";
        let json = object(&[("passphrase", odd), ("key_file", &base64(b"\xff\x00"))]);
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, json!({ "passphrase": odd, "key_file": "/wA=" }));
        let controls: String = ('\0'..='\u{1f}').collect();
        let json = object(&[("passphrase", &controls)]);
        assert!(json.len() < json.capacity());
        assert_eq!(
            serde_json::from_str::<Value>(&json).unwrap()["passphrase"],
            controls.as_str()
        );
    }
}
