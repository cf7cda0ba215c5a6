# Short names for what one does all day. `just` lists them.

_default:
    @just --list --unsorted

# before every commit: format, lints, documentation, licences
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc -p fanju --no-deps
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items
    cargo deny --workspace check --hide-inclusion-graph bans licenses sources

# every test, loom models and examples too
test *arguments:
    scripts/test {{ arguments }}

# what CI runs
ci:
    bash .ci/run

# what strangers send, made up; so many seconds for each target
fuzz seconds="60":
    scripts/fuzz {{ seconds }}

# the models of everything that threads share
loom:
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom

# kill the simulation this many times and look at what is left
kill times="50":
    FANJU_KILLS={{ times }} cargo nextest run -p fanju-tests --test restart

# kill, stop and starve real processes for so long, and look at what is left
soak seconds="3600":
    FANJU_SOAK_SECONDS={{ seconds }} cargo nextest run -p fanju-tests --test soak --no-capture

# the main job: as many dinners as fit into `seconds`
sim seconds="10" *arguments:
    cargo run --release -p fanju-sim -- dinner --rate max --seconds {{ seconds }} {{ arguments }}

# measure; nothing here fails for being slow
bench *arguments:
    cargo bench -p fanju {{ arguments }}

# instructions of the engine's inner steps, and what changed
instructions *arguments:
    scripts/instructions {{ arguments }}

# dinners a second over websockets, beside what the websocket library could push by itself
push *arguments:
    cargo bench -p fanju-server --bench bare_push -- {{ arguments }}

# known holes in what we build on; needs the network
advisories:
    cargo deny --workspace check advisories
