//! SQLite's way to the disk, with a [`Disk`] in between for the files in some folders.
//!
//! The file system that SQLite takes when nobody names one is replaced, for the whole process, by one
//! that opens files as before, and those on a [`Disk`] with methods that ask it first. Locks and shared
//! memory are always the machine's.

#![expect(
    unsafe_code,
    reason = "SQLite's file systems are C structs full of pointers to functions"
)]
#![expect(
    unsafe_op_in_unsafe_fn,
    reason = "each function is one call of the file system under this one, with the same arguments"
)]

use std::{
    ffi::{CStr, OsStr, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt as _,
    path::Path,
    ptr, slice,
    sync::{Arc, OnceLock},
};

use rusqlite::ffi;

use super::shadow::{self, Disk, Open, Taken};

/// A file on a disk. The machine's file stands behind it in the same allocation, which is SQLite's.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    on: *mut Open,
}

/// Where the machine's file begins: a multiple of 16, at which it could stand by itself.
const REAL: usize = size_of::<File>().next_multiple_of(16);

/// The machine's file system.
struct Machine(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite's own file systems may be called from every thread.
unsafe impl Send for Machine {}
// SAFETY: as above.
unsafe impl Sync for Machine {}

static MACHINE: OnceLock<Machine> = OnceLock::new();

/// Puts a disk in place of a folder.
pub(crate) fn insert(folder: &Path, seed: u64) -> Arc<Disk> {
    MACHINE.get_or_init(|| {
        // SAFETY: the default file system lives as long as the process, and so does its copy with
        // other functions, which is leaked.
        unsafe {
            let machine = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!machine.is_null(), "SQLite has a file system");
            let mut vfs = *machine;
            vfs.szOsFile += REAL as c_int;
            vfs.zName = c"disks".as_ptr();
            vfs.pNext = ptr::null_mut();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1), ffi::SQLITE_OK);
            Machine(machine)
        }
    });
    shadow::put_in(Disk::new(folder, seed))
}

fn machine() -> *mut ffi::sqlite3_vfs {
    MACHINE.get().expect("it was registered before it is called").0
}

unsafe fn on_disk(name: *const c_char) -> Option<(Arc<Disk>, String)> {
    if name.is_null() {
        return None;
    }
    shadow::find(Path::new(OsStr::from_bytes(CStr::from_ptr(name).to_bytes())))
}

unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    file.byte_add(REAL)
}

unsafe fn on<'a>(file: *mut ffi::sqlite3_file) -> &'a Open {
    &*(*file.cast::<File>()).on
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let open = (*machine()).xOpen.expect("files can be opened");
    let Some((disk, short)) = on_disk(name) else {
        return open(machine(), name, file, flags, out);
    };
    (*file).pMethods = ptr::null();
    let opened = open(machine(), name, real(file), flags, out);
    if opened == ffi::SQLITE_OK {
        let on = Box::into_raw(Box::new(disk.opened(short)));
        file.cast::<File>()
            .write(File { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, on });
    }
    opened
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    if let Some((disk, name)) = on_disk(name) {
        disk.deleted(&name);
    }
    ((*machine()).xDelete.expect("files can be deleted"))(machine(), name, sync)
}

/// Calls a method of the machine's file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        ((*(*real).pMethods).$method.expect("the machine's files can do it"))(real $(, $argument)*)
    }};
}

/// Methods that only pass on what they are asked.
macro_rules! passed {
    ($( $name:ident: $method:ident($( $argument:ident: $kind:ty ),*) -> $answer:ty; )*) => { $(
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $( $argument: $kind ),*) -> $answer {
            pass!(file, $method $(, $argument)*)
        }
    )* };
}

passed! {
    read: xRead(to: *mut c_void, count: c_int, at: ffi::sqlite3_int64) -> c_int;
    file_size: xFileSize(size: *mut ffi::sqlite3_int64) -> c_int;
    lock: xLock(level: c_int) -> c_int;
    unlock: xUnlock(level: c_int) -> c_int;
    check_lock: xCheckReservedLock(is: *mut c_int) -> c_int;
    control: xFileControl(what: c_int, with: *mut c_void) -> c_int;
    sector_size: xSectorSize() -> c_int;
    device: xDeviceCharacteristics() -> c_int;
    shm_map: xShmMap(page: c_int, size: c_int, extend: c_int, at: *mut *mut c_void) -> c_int;
    shm_lock: xShmLock(from: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier: xShmBarrier() -> ();
    shm_unmap: xShmUnmap(delete: c_int) -> c_int;
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    drop(Box::from_raw((*file.cast::<File>()).on));
    pass!(file, xClose)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let Open { disk, name, .. } = on(file);
    let bytes = slice::from_raw_parts(from.cast::<u8>(), count as usize);
    match disk.write(name, at as u64, bytes) {
        Taken::All => pass!(file, xWrite, from, count, at),
        Taken::Part(some) => match pass!(file, xWrite, from, some as c_int, at) {
            ffi::SQLITE_OK => ffi::SQLITE_FULL,
            error => error,
        },
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let Open { disk, name, .. } = on(file);
    disk.truncate(name, size as u64);
    pass!(file, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // What is durable is the disk's to say: the machine's need not be.
    if on(file).sync() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_FSYNC }
}

/// Without memory-mapped pages: everything is written by [`write`].
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
