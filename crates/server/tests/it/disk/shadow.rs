//! What of the files in a folder a disk has for sure, and what is only on its way to it.

use std::{
    collections::BTreeMap,
    fs, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

/// A sector is written as a whole or not at all.
const SECTORS: [usize; 2] = [512, 4_096];

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

/// A disk that can be full, fail to make things durable, and lose its power.
pub(crate) struct Disk {
    pub(crate) folder: PathBuf,
    state: Mutex<State>,
}

struct State {
    files: BTreeMap<String, Shadow>,
    /// So many bytes more may be taken up.
    room: u64,
    syncs: Syncs,
    /// Calls that change something, so far.
    changes: u64,
    failed_syncs: u64,
    cut: Option<Cut>,
    dice: Dice,
}

/// What becomes of making things durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syncs {
    Work,
    Fail,
    /// One of so many fails.
    FailOneOf(u64),
    /// One of so many fails, but those of write-ahead logs work.
    FailOneOfDatabase(u64),
}

struct Cut {
    at: u64,
    to: PathBuf,
    then: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct Shadow {
    /// What the disk has; nothing while it does not know the file.
    durable: Option<Vec<u8>>,
    /// What came since, in order.
    pending: Vec<Change>,
    /// The size as programs see it.
    size: u64,
    /// How many times it could not be made durable.
    failures: u64,
    /// A program may write it past this disk until it is opened here.
    is_watched: bool,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// How much of a write is done.
pub(crate) enum Taken {
    All,
    /// So many bytes, then the disk is full.
    Part(usize),
}

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate(size) => file.resize(*size, 0),
            Self::Write { at, bytes } => put(file, *at, bytes),
        }
    }

    /// Does it as a disk may that is interrupted: each sector is written or not, in any order.
    fn apply_partly(&self, file: &mut Vec<u8>, dice: &mut Dice) {
        let Self::Write { at, bytes } = self else {
            if dice.below(2) == 0 {
                self.apply(file);
            }
            return;
        };
        // Nothing, all, or some of it.
        let chance = dice.below(5);
        let sector = SECTORS[dice.below(2) as usize];
        let mut from = 0;
        while from < bytes.len() {
            let to = bytes.len().min((*at + from) / sector * sector + sector - *at);
            if dice.below(4) < chance {
                put(file, *at + from, &bytes[from..to]);
            }
            from = to;
        }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Disk {
    pub(super) fn new(folder: &Path, seed: u64) -> Self {
        let state = State {
            files: BTreeMap::new(),
            room: u64::MAX,
            syncs: Syncs::Work,
            changes: 0,
            failed_syncs: 0,
            cut: None,
            dice: Dice(seed),
        };
        Self { folder: folder.to_owned(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Leaves room for so many bytes.
    pub(crate) fn leave_room_for(&self, bytes: u64) {
        self.state().room = bytes;
    }

    pub(crate) fn set_syncs(&self, syncs: Syncs) {
        self.state().syncs = syncs;
    }

    /// How many times it failed to make something durable.
    pub(crate) fn failed_syncs(&self) -> u64 {
        self.state().failed_syncs
    }

    /// Before the change that comes after so many more: puts what would be left without power into a
    /// folder, and calls back. The disk itself goes on.
    pub(crate) fn cut_after(&self, changes: u64, to: &Path, then: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        let at = state.changes + changes;
        state.cut = Some(Cut { at, to: to.to_owned(), then: Box::new(then) });
    }

    /// Waits for a cut that is being made, in whichever thread, and calls off one that has not come.
    pub(crate) fn no_more_cut(&self) {
        self.state().cut = None;
    }

    /// The same, now.
    pub(crate) fn cut_now(&self, to: &Path) {
        self.state().leave(to);
    }

    /// What a process that is killed leaves: the files as programs see them, in another folder, on a disk
    /// that has of them what this one has.
    pub(crate) fn after_a_kill(&self, folder: &Path, seed: u64) -> Arc<Self> {
        let state = self.state();
        let next = Self::new(folder, seed);
        for (name, file) in &state.files {
            fs::copy(self.folder.join(name), folder.join(name)).unwrap();
            let copy = Shadow {
                durable: file.durable.clone(),
                pending: file.pending.clone(),
                size: file.size,
                ..Shadow::default()
            };
            next.state().files.insert(name.clone(), copy);
        }
        put_in(next)
    }

    /// Before a program starts: notices from here on which files it writes past this disk, and takes
    /// what they have when they are opened here for durable.
    pub(crate) fn watch_writes_past_it(&self) {
        let mut state = self.state();
        for (name, file) in &mut state.files {
            let on_disk = fs::File::options().write(true).open(self.folder.join(name)).unwrap();
            on_disk.set_modified(LONG_AGO).unwrap();
            file.is_watched = true;
        }
    }

    pub(super) fn opened(self: Arc<Self>, name: String) -> Open {
        let path = self.folder.join(&name);
        let told = {
            let mut state = self.state();
            if let Some(file) = state.files.get_mut(&name)
                && mem::take(&mut file.is_watched)
                && fs::metadata(&path).unwrap().modified().unwrap() != LONG_AGO
            {
                file.durable = Some(fs::read(&path).unwrap());
                file.pending.clear();
            }
            let file = state.files.entry(name.clone()).or_insert_with(|| {
                // What was there before the first look is there for sure, but for what was just made.
                let durable = fs::read(path).ok().filter(|bytes| !bytes.is_empty());
                let size = durable.as_ref().map_or(0, Vec::len) as u64;
                Shadow { durable, size, ..Shadow::default() }
            });
            AtomicU64::new(file.failures)
        };
        Open { disk: self, name, told }
    }

    pub(super) fn deleted(&self, name: &str) {
        let mut state = self.state();
        state.begin_change();
        if let Some(file) = state.files.remove(name) {
            state.room = state.room.saturating_add(file.size);
        }
    }

    pub(super) fn write(&self, name: &str, at: u64, bytes: &[u8]) -> Taken {
        let mut state = self.state();
        state.begin_change();
        let room = state.room;
        let Some(file) = state.files.get_mut(name) else { return Taken::All };
        let growth = (at + bytes.len() as u64).saturating_sub(file.size);
        let fits = bytes.len() as u64 - growth.saturating_sub(room).min(bytes.len() as u64);
        let taken = &bytes[..fits as usize];
        file.size = file.size.max(at + fits);
        file.pending.push(Change::Write { at: at as usize, bytes: taken.to_vec() });
        state.room = room.saturating_sub(growth);
        if taken.len() == bytes.len() { Taken::All } else { Taken::Part(taken.len()) }
    }

    pub(super) fn truncate(&self, name: &str, size: u64) {
        let mut state = self.state();
        state.begin_change();
        let Some(file) = state.files.get_mut(name) else { return };
        let freed = file.size.saturating_sub(size);
        file.size = size;
        file.pending.push(Change::Truncate(size as usize));
        state.room = state.room.saturating_add(freed);
    }

    fn sync(&self, name: &str, told: &AtomicU64) -> bool {
        let mut state = self.state();
        state.begin_change();
        let State { files, syncs, dice, failed_syncs, .. } = &mut *state;
        let Some(file) = files.get_mut(name) else { return true };
        let works = match *syncs {
            Syncs::Work => true,
            Syncs::Fail => false,
            Syncs::FailOneOf(count) => dice.below(count) != 0,
            Syncs::FailOneOfDatabase(count) => name.ends_with("-wal") || dice.below(count) != 0,
        };
        let durable = file.durable.get_or_insert_default();
        for change in file.pending.drain(..) {
            if works {
                change.apply(durable);
            } else {
                change.apply_partly(durable, dice);
            }
        }
        *failed_syncs += u64::from(!works);
        file.failures += u64::from(!works);
        told.swap(file.failures, Relaxed) == file.failures
    }
}

/// A file that a program has open; two of them may be the same file.
pub(super) struct Open {
    pub(super) disk: Arc<Disk>,
    pub(super) name: String,
    /// How many of the file's failures this program has been told.
    told: AtomicU64,
}

impl Open {
    /// Whether everything that was written to the file since the last time is durable now. When it is
    /// not, nothing of it is tried again: what the disk has not taken by then it never gets, as with
    /// Linux' cache, which holds pages for clean that it could not write. And as there, everybody who
    /// has the file open is told once, whoever asked first: what was lost may have been theirs.
    pub(super) fn sync(&self) -> bool {
        self.disk.sync(&self.name, &self.told)
    }
}

impl State {
    fn begin_change(&mut self) {
        self.changes += 1;
        if self.cut.as_ref().is_some_and(|cut| cut.at < self.changes)
            && let Some(cut) = self.cut.take()
        {
            self.leave(&cut.to);
            (cut.then)();
        }
    }

    fn leave(&mut self, to: &Path) {
        for (name, file) in &self.files {
            let mut left = file.durable.clone();
            for change in &file.pending {
                // A file that was made a moment ago is there or not.
                if left.is_none() && self.dice.below(2) == 0 {
                    break;
                }
                change.apply_partly(left.get_or_insert_default(), &mut self.dice);
            }
            if let Some(bytes) = left {
                fs::write(to.join(name), bytes).unwrap();
            }
        }
    }
}

/// All disks there are.
static DISKS: Mutex<Vec<Arc<Disk>>> = Mutex::new(Vec::new());

/// The disk that a file is on, with the file's name there.
pub(super) fn find(path: &Path) -> Option<(Arc<Disk>, String)> {
    let folder = path.parent()?;
    let name = path.file_name()?.to_str()?.to_owned();
    let disks = DISKS.lock().unwrap();
    let disk = disks.iter().find(|disk| disk.folder == folder)?;
    Some((Arc::clone(disk), name))
}

/// A disk in place of a folder, until it is taken out.
pub(super) fn put_in(disk: Disk) -> Arc<Disk> {
    let disk = Arc::new(disk);
    DISKS.lock().unwrap().push(Arc::clone(&disk));
    disk
}

impl Disk {
    /// Files that are opened from now on are on the machine's disk again.
    pub(crate) fn take_out(&self) {
        DISKS.lock().unwrap().retain(|disk| disk.folder != self.folder);
    }
}
