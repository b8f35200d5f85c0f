// tarpc over TCP with bincode. Both sides use tokio's multi-threaded runtime.
use futures::prelude::*;
use std::time::{Duration, Instant};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport::tcp};

#[tarpc::service]
trait Math {
    async fn mul(a: Vec<i64>) -> i64;
}

#[derive(Clone)]
struct Server;

impl Math for Server {
    async fn mul(self, _: context::Context, a: Vec<i64>) -> i64 {
        a.iter().product()
    }
}

async fn serve(port: u16) -> std::io::Result<()> {
    let mut incoming = tcp::listen(("127.0.0.1", port), Bincode::default).await?;
    while let Some(Ok(transport)) = incoming.next().await {
        tokio::spawn(
            BaseChannel::with_defaults(transport)
                .execute(Server.serve())
                .for_each(|answer| async move {
                    tokio::spawn(answer); // each call is a task of the runtime
                }),
        );
    }
    Ok(())
}

async fn call(port: u16) -> std::io::Result<()> {
    let mut config = client::Config::default();
    config.max_in_flight_requests = 4096;
    config.pending_request_buffer = 4096;
    let client = MathClient::new(
        config,
        tcp::connect(("127.0.0.1", port), Bincode::default).await?,
    )
    .spawn();
    for (in_flight, calls) in [(1u32, 20_000u32), (64, 150_000), (1024, 150_000)] {
        let start = Instant::now();
        let chains: Vec<_> = (0..in_flight)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in 0..calls / in_flight {
                        let mut ctx = context::current();
                        ctx.deadline = Instant::now() + Duration::from_secs(60);
                        assert_eq!(client.mul(ctx, vec![3, 4]).await.unwrap(), 12);
                    }
                })
            })
            .collect();
        for c in chains {
            c.await.unwrap();
        }
        println!(
            "tarpc {} {:.0}",
            in_flight,
            (calls / in_flight * in_flight) as f64 / start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let port = args[2].parse().unwrap();
    if args[1] == "s" {
        serve(port).await
    } else {
        call(port).await
    }
}
