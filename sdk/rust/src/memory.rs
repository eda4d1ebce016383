//! Memory that grows and is never freed: an instance is thrown away after a call or a few, so nothing lives long enough. What was
//! allocated last can grow in place, which is what a text does while it is composed.
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;

const PAGE: usize = 65536;

struct Bump {
    /// Where the next allocation may begin; 0 before the first.
    at: UnsafeCell<usize>,
}

// A filter has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static MEMORY: Bump = Bump { at: UnsafeCell::new(0) };

extern "C" {
    /// Where the linker put the end of data and stack.
    static __heap_base: u8;
}

impl Bump {
    /// Traps where the operator's memory limit is passed.
    fn reach(&self, end: usize) {
        let have = wasm32::memory_size(0) * PAGE;
        if end > have && wasm32::memory_grow(0, (end - have + PAGE - 1) / PAGE) == usize::MAX {
            wasm32::unreachable();
        }
        unsafe { *self.at.get() = end };
    }

    fn end(start: usize, size: usize) -> usize {
        match start.checked_add(size) {
            Some(end) if end <= usize::MAX - PAGE => end,
            _ => wasm32::unreachable(),
        }
    }
}

unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let at = match *self.at.get() {
            0 => &__heap_base as *const u8 as usize,
            at => at,
        };
        let start = (at + layout.align() - 1) & !(layout.align() - 1);
        self.reach(Bump::end(start, layout.size()));
        start as *mut u8
    }

    /// Frees nothing, so that dropping a value is no code at all.
    unsafe fn dealloc(&self, _place: *mut u8, _layout: Layout) {}

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if place as usize + layout.size() == *self.at.get() {
            self.reach(Bump::end(place as usize, size));
            return place;
        }
        let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
        core::ptr::copy_nonoverlapping(place, moved, core::cmp::min(layout.size(), size));
        moved
    }
}

/// Does some work, and gives back what it took.
///
/// # Safety
/// Nothing that is allocated meanwhile may be used afterwards, by what `work` gives or by what it changes.
pub unsafe fn borrowed(work: impl FnOnce() -> bool) -> bool {
    let mark = *MEMORY.at.get();
    let result = work();
    *MEMORY.at.get() = mark;
    result
}
