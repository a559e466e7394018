//! The memory of the core, in a fifth of the code that the standard library's allocator takes.
//!
//! A block has one of few sizes, four for each doubling, so that at most a quarter of it is unused. A
//! freed block waits in the list of its size and is given out again; a new one is cut from the end of
//! the memory. Blocks are never joined or split: the memory of each size stays at its peak. That is
//! cheap here, where texts and tables of the same few sizes come and go with each item.

#![expect(unsafe_code, reason = "an allocator hands out addresses")]
#![expect(clippy::cast_ptr_alignment, reason = "every block is aligned to 8 bytes")]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ptr,
};

/// Every block is aligned to this, which is enough for all types of the core.
const ALIGN: usize = 8;

/// One list for each size: four for each power of two.
const SIZES: usize = 4 * usize::BITS as usize;

/// Where memory comes from.
pub(crate) trait Source {
    /// Gives at least so many bytes, aligned to [`ALIGN`], that nobody else uses: their beginning and
    /// how many they are. `None` when there are no more.
    fn more(&self, size: usize) -> Option<(*mut u8, usize)>;
}

/// Blocks of memory for one thread.
pub(crate) struct Blocks<S> {
    source: S,
    lists: UnsafeCell<Lists>,
}

struct Lists {
    /// The first free block of each size; each holds the next one in its first bytes.
    free: [*mut u8; SIZES],
    /// Where the part begins that no block has been cut from, and where it ends.
    rest: *mut u8,
    end: *mut u8,
}

impl<S> Blocks<S> {
    /// No memory yet.
    pub(crate) const fn new(source: S) -> Self {
        let lists =
            Lists { free: [ptr::null_mut(); SIZES], rest: ptr::null_mut(), end: ptr::null_mut() };
        Self { source, lists: UnsafeCell::new(lists) }
    }
}

/// The list that a block for so many bytes belongs to, and how large it is; `None` beyond what can
/// be addressed.
fn size_of_block(size: usize) -> Option<(usize, usize)> {
    let last = size.max(1).checked_next_multiple_of(ALIGN)? - 1;
    // The two bits below the highest one tell which quarter of a doubling this is.
    let log = last.ilog2();
    let quarter = (last >> (log - 2)) & 3;
    let block = (quarter + 5).checked_mul(1 << (log - 2))?;
    Some((4 * log as usize + quarter, block))
}

// SAFETY: a block is given out by `alloc` alone: cut from memory of the source that no other block
// overlaps, or taken from the list of its size, where it is once. It is at least as large as asked
// for, by `size_of_block`, and aligned to `ALIGN`, since its size is a multiple of that and the
// source's memory is aligned; more is refused. No method calls another's user in between.
unsafe impl<S: Source> GlobalAlloc for Blocks<S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((list, size)) = size_of_block(layout.size()) else { return ptr::null_mut() };
        if layout.align() > ALIGN {
            return ptr::null_mut();
        }
        // SAFETY: there is one thread, and no other reference lives while a method runs.
        let lists = unsafe { &mut *self.lists.get() };
        let free = lists.free[list];
        if !free.is_null() {
            // SAFETY: `dealloc` wrote the next one there, and a block is large enough for it.
            lists.free[list] = unsafe { free.cast::<*mut u8>().read() };
            return free;
        }
        if (lists.end.addr() - lists.rest.addr()) < size {
            let Some((more, len)) = self.source.more(size) else { return ptr::null_mut() };
            // What is left over is lost when somebody else took memory in between.
            if more != lists.end {
                lists.rest = more;
            }
            lists.end = more.wrapping_add(len);
        }
        let block = lists.rest;
        lists.rest = block.wrapping_add(size);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((list, _)) = size_of_block(layout.size()) else { return };
        // SAFETY: as in `alloc`.
        let lists = unsafe { &mut *self.lists.get() };
        // SAFETY: the block is nobody's from now on, large enough and aligned.
        unsafe { block.cast::<*mut u8>().write(lists.free[list]) };
        lists.free[list] = block;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (old, new) = (size_of_block(layout.size()), size_of_block(new_size));
        if old == new {
            return block;
        }
        // SAFETY: the caller answers for the size, which is not 0 and fits with the alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: as above.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            // SAFETY: both are at least this long, and two blocks do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size)) };
            // SAFETY: the caller gives the block up.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

/// The memory of a wasm instance, which grows by pages.
#[cfg(target_arch = "wasm32")]
pub(crate) struct Pages;

#[cfg(target_arch = "wasm32")]
impl Source for Pages {
    fn more(&self, size: usize) -> Option<(*mut u8, usize)> {
        const PAGE: usize = 1 << 16;
        let pages = size.div_ceil(PAGE);
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        (before != usize::MAX).then(|| ((before * PAGE) as *mut u8, pages * PAGE))
    }
}

// SAFETY: wasm without shared memory has one thread.
#[cfg(target_arch = "wasm32")]
unsafe impl Sync for Blocks<Pages> {}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: Blocks<Pages> = Blocks::new(Pages);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// A piece of memory that is given out part by part.
    struct Piece {
        words: UnsafeCell<Vec<u64>>,
        given: Cell<usize>,
        /// Leaves a hole before each part, as if somebody else had taken memory.
        holes: bool,
    }

    impl Piece {
        fn new(bytes: usize, holes: bool) -> Self {
            Self { words: UnsafeCell::new(vec![0; bytes / 8]), given: Cell::new(0), holes }
        }
    }

    impl Source for Piece {
        fn more(&self, size: usize) -> Option<(*mut u8, usize)> {
            let size = size.next_multiple_of(1 << 10);
            let begin = self.given.get() + if self.holes { 64 } else { 0 };
            // SAFETY: one thread, and the vector never grows.
            let words = unsafe { &mut *self.words.get() };
            if begin + size > 8 * words.len() {
                return None;
            }
            self.given.set(begin + size);
            Some((words.as_mut_ptr().cast::<u8>().wrapping_add(begin), size))
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn at_most_a_quarter_of_a_block_is_unused() {
        let mut lists = Vec::new();
        for size in 1..100_000 {
            let (list, block) = size_of_block(size).unwrap();
            assert!(block >= size && block % ALIGN == 0, "{size}: {block}");
            assert!(block - size < ALIGN || 4 * (block - size) <= block, "{size}: {block}");
            if lists.last() != Some(&(list, block)) {
                lists.push((list, block));
            }
        }
        assert!(lists.is_sorted() && lists.last().unwrap().0 < SIZES);
        // A list has blocks of one size.
        assert!(lists.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        let blocks = Blocks::new(Piece::new(4_096, false));
        let odd = Layout::from_size_align(16, 16).unwrap();
        // SAFETY: the sizes are not 0.
        let given = unsafe { [blocks.alloc(odd), blocks.alloc(layout(5_000))] };
        assert_eq!(given, [ptr::null_mut(); 2]);
        // SAFETY: as above.
        let first = unsafe { blocks.alloc(layout(2_048)) };
        assert!(!first.is_null());
        // SAFETY: the block is ours; one that cannot be moved stays as it is.
        assert!(unsafe { blocks.realloc(first, layout(2_048), 5_000) }.is_null());
        assert_eq!(size_of_block(usize::MAX), None);
    }

    proptest! {
        /// Every block keeps what was written into it while others come, go and change their size, and
        /// the same work again takes no more memory.
        #[test]
        fn blocks_keep_what_they_hold(
            steps in prop::collection::vec((0..3_u8, 0..8_usize, 1..600_usize), 1..200),
            holes: bool,
        ) {
            let blocks = Blocks::new(Piece::new(1 << 22, holes));
            let mut taken = Vec::new();
            for round in 0..2 {
                let mut held: Vec<(*mut u8, usize, u8)> = Vec::new();
                for (number, (what, which, size)) in steps.iter().enumerate() {
                    let mark = number as u8;
                    // SAFETY: blocks are written within their size, and freed or moved once.
                    unsafe {
                        match (what, held.is_empty()) {
                            (0, _) | (_, true) => {
                                let block = blocks.alloc(layout(*size));
                                prop_assert!(!block.is_null() && block.addr().is_multiple_of(ALIGN));
                                block.write_bytes(mark, *size);
                                held.push((block, *size, mark));
                            }
                            (1, _) => {
                                let (block, size, mark) = held.remove(which % held.len());
                                for at in 0..size {
                                    prop_assert_eq!(block.add(at).read(), mark);
                                }
                                blocks.dealloc(block, layout(size));
                            }
                            _ => {
                                let index = which % held.len();
                                let (block, old, mark) = held[index];
                                let moved = blocks.realloc(block, layout(old), *size);
                                for at in 0..old.min(*size) {
                                    prop_assert_eq!(moved.add(at).read(), mark);
                                }
                                moved.write_bytes(mark, *size);
                                held[index] = (moved, *size, mark);
                            }
                        }
                    }
                }
                for (block, size, _) in held {
                    // SAFETY: each is freed once.
                    unsafe { blocks.dealloc(block, layout(size)) };
                }
                taken.push(blocks.source.given.get());
                prop_assert!(taken[0] == taken[round], "{:?}", taken);
            }
        }
    }
}
