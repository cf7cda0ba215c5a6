//! Disk: a small file system of its own, which can be made larger, and is unmounted whatever happens.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where a disk's bytes are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// In memory: a tmpfs.
    Memory,
    /// In a file: ext4 on a loop device, which allocates late and has a journal of its own.
    File,
}

/// Room that a disk has once it was made larger, in KiB.
const LARGE_KIB: u64 = 256 * 1024;

/// A mounted disk with little room.
pub(crate) struct Disk {
    kind: Kind,
    place: tempfile::TempDir,
}

impl Disk {
    /// Mounts a disk with about so much room.
    ///
    /// # Errors
    /// What the tools complained of, where this process may not mount.
    pub(crate) fn mount(kind: Kind, room_kib: u64) -> Result<Self, String> {
        let place = tempfile::tempdir().expect("a temporary folder");
        // From here on it is unmounted when it goes.
        let disk = Self { kind, place };
        let path = disk.path();
        fs::create_dir(&path).expect("a folder to mount on");
        match kind {
            Kind::Memory => {
                let size = format!("size={room_kib}k");
                run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path))?;
            }
            Kind::File => {
                let image = disk.place.path().join("image");
                let file = fs::File::create(&image).expect("an image");
                file.set_len(LARGE_KIB * 1024).expect("a sparse file");
                // With smaller blocks SQLite's shared memory may find no room: see README, what is not promised.
                let options = ["-q", "-F", "-m", "0", "-b", "4096"];
                run(Command::new("mkfs.ext4").args(options).arg(&image))?;
                run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&path))?;
                let ballast = disk.available_kib()?.saturating_sub(room_kib).to_string();
                let length = format!("{ballast}KiB");
                run(Command::new("fallocate").args(["-l", &length]).arg(disk.ballast()))?;
            }
        }
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    fn available_kib(&self) -> Result<u64, String> {
        let said = run(Command::new("df").args(["-k", "--output=avail"]).arg(self.path()))?;
        let number = said.split_whitespace().last().and_then(|number| number.parse().ok());
        number.ok_or(said)
    }

    /// Makes room, as an operator would.
    pub(crate) fn enlarge(&self) {
        match self.kind {
            Kind::Memory => {
                let size = format!("remount,size={LARGE_KIB}k");
                let grown = run(Command::new("mount").args(["-o", &size]).arg(self.path()));
                grown.expect("whoever mounted may mount again");
            }
            Kind::File => fs::remove_file(self.ballast()).expect("the ballast goes"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path = self.path();
        if !is_mounted(&path) {
            return;
        }
        // Whoever still has a file open keeps it only until he closes it.
        let gone = run(Command::new("umount").arg(&path))
            .or_else(|_| run(Command::new("umount").arg("--lazy").arg(&path)));
        if let Err(error) = gone {
            eprintln!("{} stays mounted: {error}", path.display());
        }
    }
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_it = |line: &str| line.split(' ').nth(1).is_some_and(|at| Path::new(at) == path);
    mounts.lines().any(is_it)
}

/// Runs a tool; what it said, or complained of.
fn run(tool: &mut Command) -> Result<String, String> {
    let output = tool.output().map_err(|error| format!("{tool:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{tool:?}: {}", text(&output.stderr))),
    }
}
