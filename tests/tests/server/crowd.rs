//! A crowd of connections: it leaves files to the journal, which has none to spare.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::house::server;

/// Files that the server may have open, and asks for.
const FILES: usize = 400;
const FILES_AT_FIRST: usize = 100;

/// Ends the server with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the server says at `path`.
fn get(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("connects");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).expect("is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("is answered");
    answer
}

#[test]
fn connections_leave_files_to_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let bound = format!("ulimit -Sn {FILES_AT_FIRST}; ulimit -Hn {FILES}; exec \"$0\" \"$@\"");
    let child = Command::new("sh")
        .args(["-c", &bound])
        .arg(server())
        .args(["--listen", "127.0.0.1:0", "--workers", "2", "--log", "json", "--data"])
        .arg(folder.path().join("data"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut running = Running(child);
    let log = BufReader::new(running.0.stderr.take().expect("a pipe")).lines();
    let mut lines = log.map(|line| line.expect("text"));
    let mut warned = false;
    let address: SocketAddr = loop {
        let line: serde_json::Value =
            serde_json::from_str(&lines.next().expect("the server listens")).expect("JSON");
        let message = line["fields"]["message"].as_str();
        warned |= message.is_some_and(|text| text.contains("few connections"));
        if let Some(address) = line["fields"]["address"].as_str() {
            break address.parse().expect("an address");
        }
    };
    assert!(warned, "nobody was told that there are few files");
    let process = format!("/proc/{}", running.0.id());
    if let Ok(limits) = fs::read_to_string(format!("{process}/limits")) {
        let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
        assert_eq!(files.split_whitespace().nth(3), Some("400"), "{files}");
    }
    let crowd: Vec<TcpStream> =
        (0..2 * FILES).filter_map(|_| TcpStream::connect(address).ok()).collect();
    assert!(crowd.len() > FILES, "{}", crowd.len());
    let open = || fs::read_dir(format!("{process}/fd")).map_or(0, Iterator::count);
    let mut before = 0;
    while open() != before {
        before = open();
        sleep(Duration::from_millis(300));
    }
    // Half of them, and what the server has besides.
    assert!(before < FILES - 50, "{before} files are open");
    drop(crowd);
    assert!(get(address, "/readyz").ends_with("ready\n"));
}
