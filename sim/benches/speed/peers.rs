//! The same conversations elsewhere: madsim's own network, and an event loop with nothing around it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use madsim::net::{Endpoint, TcpListener, TcpStream};
use madsim::runtime::{Handle, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes in a message.
const LENGTH: usize = 16;

fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1414))
}

/// Runs a server and its callers on madsim, on a fresh thread, until all callers have ended.
fn on_madsim<S, C>(
    conversations: u64,
    serve: impl FnOnce() -> S + Send + 'static,
    call: impl Fn(u64) -> C + Send + 'static,
) where
    S: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let world = std::thread::spawn(move || {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async move {
            let server = Handle::current().create_node().name("server").ip(server_address().ip()).build();
            server.spawn(serve());
            madsim::time::sleep(Duration::from_secs(1)).await;
            let mut callers = Vec::new();
            for (number, last) in (0..conversations).zip(1_u8..) {
                let address = SocketAddr::from(([10, 0, 1, last], 0));
                let node = Handle::current().create_node().name(format!("caller {number}")).ip(address.ip()).build();
                callers.push(node.spawn(call(number)));
            }
            for caller in callers {
                caller.await.expect("a caller comes to its end");
            }
        });
    });
    world.join().expect("nothing in this world panics");
}

/// Over `TcpStream`.
pub(crate) fn madsim_tcp(conversations: u64, calls: u64) -> u64 {
    let serve = || async {
        let listener = TcpListener::bind(server_address()).await.expect("the address is free");
        loop {
            let (mut stream, _) = listener.accept().await.expect("callers come");
            madsim::task::spawn(async move {
                let mut message = [0; LENGTH];
                while stream.read_exact(&mut message).await.is_ok() {
                    stream.write_all(&message).await.expect("the caller listens");
                    stream.flush().await.expect("the caller listens");
                }
            });
        }
    };
    let call = move |_| async move {
        let mut stream = TcpStream::connect(server_address()).await.expect("the server listens");
        let mut message = [7; LENGTH];
        for _ in 0..calls {
            stream.write_all(&message).await.expect("the server listens");
            stream.flush().await.expect("the server listens");
            stream.read_exact(&mut message).await.expect("the server answers");
        }
    };
    on_madsim(conversations, serve, call);
    2 * conversations * calls
}

/// Over `Endpoint`: datagrams with a tag, one tag for each conversation.
pub(crate) fn madsim_endpoint(conversations: u64, calls: u64) -> u64 {
    let serve = move || async move {
        let endpoint = std::sync::Arc::new(Endpoint::bind(server_address()).await.expect("the address is free"));
        let servers: Vec<_> = (0..conversations)
            .map(|tag| {
                let endpoint = endpoint.clone();
                madsim::task::spawn(async move {
                    let mut message = [0; LENGTH];
                    while let Ok((length, from)) = endpoint.recv_from(tag, &mut message).await {
                        endpoint.send_to(from, tag, &message[..length]).await.expect("the caller listens");
                    }
                })
            })
            .collect();
        for server in servers {
            server.await.expect("a server goes on until the world ends");
        }
    };
    let call = move |tag| async move {
        let endpoint = Endpoint::bind("0.0.0.0:0").await.expect("a port is free");
        let mut message = [7; LENGTH];
        for _ in 0..calls {
            endpoint.send_to(server_address(), tag, &message).await.expect("the server listens");
            endpoint.recv_from(tag, &mut message).await.expect("the server answers");
        }
    };
    on_madsim(conversations, serve, call);
    2 * conversations * calls
}

/// On turmoil's TCP with a tick of 10 ms: with many conversations its best case, since a tick costs the same for all.
pub(crate) fn on_turmoil(conversations: u64, calls: u64) -> u64 {
    const PORT: u16 = 1414;
    let mut world = turmoil::Builder::new()
        .tick_duration(Duration::from_millis(10))
        .simulation_duration(Duration::from_secs(1_000_000))
        .rng_seed(1)
        .build();
    world.host("server", || async {
        let listener = turmoil::net::TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, PORT)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut message = [0; LENGTH];
                while stream.read_exact(&mut message).await.is_ok() {
                    stream.write_all(&message).await.expect("the caller listens");
                }
            });
        }
    });
    for number in 0..conversations {
        world.client(format!("caller-{number}"), async move {
            let mut stream = turmoil::net::TcpStream::connect(("server", PORT)).await?;
            let mut message = [7; LENGTH];
            for _ in 0..calls {
                stream.write_all(&message).await?;
                stream.read_exact(&mut message).await?;
            }
            Ok(())
        });
    }
    world.run().expect("every caller comes to its end");
    2 * conversations * calls
}

/// A heap of events and nothing else: what nobody can go below.
pub(crate) fn bare(conversations: u64, calls: u64) -> u64 {
    let mut heap = BinaryHeap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = vec![2 * calls; usize::try_from(conversations).expect("a few")];
    let mut sequence = 0;
    for conversation in 0..left.len() {
        heap.push(Reverse((150_000, sequence, conversation)));
        sequence += 1;
    }
    let mut delivered = 0;
    while let Some(Reverse((at, _, conversation))) = heap.pop() {
        delivered += 1;
        left[conversation] -= 1;
        if left[conversation] > 0 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            heap.push(Reverse((at + 150_000 + random % 100_000, sequence, conversation)));
            sequence += 1;
        }
    }
    delivered
}
