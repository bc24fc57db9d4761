//! A network between a backend and its PostgreSQL server, which fails when it is told to.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What the network does with what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// It arrives.
    Whole,
    /// Connections end, and new ones are ended at once, as while a server restarts.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
}

/// One network. It is gone when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: String,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    network: Network,
    /// How often it was cut.
    cuts: u32,
}

impl Proxy {
    /// A network in front of the server of this address. With an acceptor, the server seems to speak TLS.
    pub(crate) async fn before(server: &str, tls: Option<TlsAcceptor>) -> Self {
        let mut address = Url::parse(server).unwrap();
        let host = address.host_str().unwrap().to_owned();
        let target = format!("{host}:{}", address.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        address.set_host(Some("127.0.0.1")).unwrap();
        address.set_port(Some(port)).unwrap();
        let (state, watched) = watch::channel(State {
            network: Network::Whole,
            cuts: 0,
        });
        tokio::spawn(serve(listener, target, watched, tls.map(Arc::new)));
        Self {
            address: address.into(),
            state,
        }
    }

    /// The address that leads through the network.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn set(&self, network: Network) {
        self.state.send_modify(|state| {
            state.network = network;
            state.cuts += u32::from(network == Network::Cut);
        });
    }
}

async fn serve(
    listener: TcpListener,
    target: String,
    mut state: watch::Receiver<State>,
    tls: Option<Arc<TlsAcceptor>>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            gone = state.wait_for(|_| false) => match gone {
                Ok(_) => unreachable!("the condition never holds"),
                Err(_) => return,
            },
        };
        let (target, state, tls) = (target.clone(), state.clone(), tls.clone());
        tokio::spawn(async move { carry(accepted, &target, state, tls).await });
    }
}

/// Ends with either side, or when the network is cut or gone.
async fn carry(
    client: TcpStream,
    target: &str,
    mut state: watch::Receiver<State>,
    tls: Option<Arc<TlsAcceptor>>,
) -> Option<()> {
    let cuts = state.borrow_and_update().cuts;
    if state.borrow().network == Network::Cut {
        return None;
    }
    let server = TcpStream::connect(target).await.ok()?;
    if let Some(acceptor) = tls {
        return speak_tls(client, server, &acceptor).await;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = pump(from_client, to_server, state.clone(), cuts) => None,
        _ = pump(from_server, to_client, state.clone(), cuts) => None,
        _ = state.wait_for(|now| now.cuts != cuts) => None,
    }
}

/// Carries one way. What was sent while the network is silent stays where it is, and is lost when it is cut.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    cuts: u32,
) -> Option<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await.ok()?;
        let speaks = |now: &State| now.network != Network::Silent;
        let now = *state.wait_for(speaks).await.ok()?;
        if read == 0 || now.cuts != cuts {
            return None;
        }
        to.write_all(&buffer[..read]).await.ok()?;
    }
}

/// PostgreSQL's way to TLS: the client asks with 8 bytes, the server answers with an S
/// (PostgreSQL's manual, "SSL Session Encryption").
async fn speak_tls(
    mut client: TcpStream,
    mut server: TcpStream,
    acceptor: &TlsAcceptor,
) -> Option<()> {
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await.ok()?;
    assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "the client wants TLS");
    client.write_all(b"S").await.ok()?;
    let mut client = acceptor.accept(client).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    None
}
