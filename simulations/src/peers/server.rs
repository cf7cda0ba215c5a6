//! Server: a PostgreSQL of one's own, in a temporary folder, on a socket that nobody else can reach.
//!
//! A [`Guard`] stops the server and removes the folder, in whatever way this process ends.

use std::{
    env, fs,
    io::Read,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use postgres::{Client, Config, NoTls};
use tempfile::TempDir;

use crate::scratch::Guard;

/// The name that the server knows us by.
const USER: &str = "fanju";

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// `$0` is the program, `$1` the folder. Everything else is the program's.
const GUARD: &str = r#"
folder=$1; shift
"$0" -D "$folder/data" -k "$folder" "$@" >"$folder/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"/*
cd / && rmdir "$folder"
"#;

/// Beside the defaults: memory that a server of this size is given, no checkpoint amid a round, and what makes
/// a commit durable, said aloud. Nobody comes over the network.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "max_connections=300",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
];

/// A running server.
#[derive(Debug)]
pub struct Server {
    // First: it stops the server before the folder is looked for.
    _guard: Guard,
    folder: TempDir,
    version: String,
}

/// Where PostgreSQL's programs are, if it is installed: on the path, where `pg_config` says, or in
/// Debian's folders, the newest first.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let said = Command::new("pg_config").arg("--bindir").output().ok();
    let said = said.filter(|said| said.status.success());
    let said = said.map(|said| PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    debian.sort_by_key(|path| {
        let version = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    let places = on_path.into_iter().flatten().chain(said).chain(debian);
    let has_all =
        |place: &PathBuf| ["initdb", "postgres"].iter().all(|name| place.join(name).is_file());
    places.into_iter().find(has_all)
}

/// The user and group to run as, when we are root: PostgreSQL refuses root.
fn unprivileged() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).context("no user `postgres` and no user `nobody`")
}

impl Server {
    /// Makes a folder below `parent` and starts a server in it.
    ///
    /// # Errors
    /// No folder, or the server does not come up; with what it says.
    pub fn start(programs: &Path, parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("fanju-peers-postgres-").tempdir_in(parent);
        let folder = folder.context("cannot create a temporary folder")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        // Whoever made the folder is who we are.
        let run_as = match fs::metadata(folder.path())?.uid() {
            0 => Some(unprivileged()?),
            _ => None,
        };
        if let Some((user, group)) = run_as {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(folder.path()).stdin(Stdio::null()).process_group(0);
            if let Some((user, group)) = run_as {
                command.uid(user).gid(group);
            }
            command
        };
        let (data, initdb) = (folder.path().join("data"), programs.join("initdb"));
        let made = command(&initdb)
            .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"])
            .arg("-D")
            .arg(&data)
            .output()
            .context("cannot run initdb")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb failed: {}", said.trim());

        let mut guard = command(Path::new("/bin/sh"));
        guard.arg("-c").arg(GUARD).arg(programs.join("postgres")).arg(folder.path());
        for setting in SETTINGS {
            guard.arg("-c").arg(setting);
        }
        let guard = Guard::spawn(&mut guard).context("cannot start PostgreSQL")?;
        let mut server = Self { _guard: guard, folder, version: String::new() };
        server.version = server.wait_until_up()?;
        Ok(server)
    }

    fn wait_until_up(&self) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.connect("postgres") {
                Ok(mut client) => return Ok(client.query_one("show server_version", &[])?.get(0)),
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
                Err(error) => bail!("PostgreSQL does not come up: {error:#}\n{}", self.log()),
            }
        }
    }

    fn log(&self) -> String {
        let mut log = String::new();
        match fs::File::open(self.folder.path().join("log")) {
            Ok(mut file) => match file.read_to_string(&mut log) {
                Ok(_) => log,
                Err(error) => error.to_string(),
            },
            Err(error) => format!("and it wrote no log: {error}"),
        }
    }

    /// A connection to one of its databases.
    ///
    /// # Errors
    /// What the server says.
    pub fn connect(&self, database: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user(USER).dbname(database);
        Ok(config.connect(NoTls)?)
    }

    /// Its version, as it says.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.split(' ').next().unwrap_or("")
    }

    /// The process of which all others of the server are children.
    ///
    /// # Errors
    /// The server is gone.
    pub fn pid(&self) -> Result<u32> {
        let path = self.folder.path().join("data/postmaster.pid");
        let text = fs::read_to_string(path).context("PostgreSQL is gone")?;
        text.lines().next().and_then(|pid| pid.trim().parse().ok()).context("no pid")
    }

    /// Where everything of it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
