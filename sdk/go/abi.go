package postern

import "unsafe"

// The calls of sdk/ABI.md as they are, and Extism's. A call that a filter does not reach is not imported: the import
// section stays an honest audit.
const (
	invalid  = -1
	notFound = -2
	denied   = -3
	limit    = -4
	outage   = -5
)

//go:wasmimport ocp_smtp_v1 message_size
func messageSize() int32

//go:wasmimport ocp_smtp_v1 message_read
func messageRead(off uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 header_count
func headerCount() int32

//go:wasmimport ocp_smtp_v1 header_find
func headerFind(name unsafe.Pointer, nameLen uint32, nth uint32) int32

//go:wasmimport ocp_smtp_v1 header_name
func headerName(index uint32, ptr unsafe.Pointer, cap uint32) int32

//go:wasmimport ocp_smtp_v1 header_value
func headerValue(index uint32, ptr unsafe.Pointer, cap uint32) int32

//go:wasmimport ocp_smtp_v1 part_count
func partCount() int32

//go:wasmimport ocp_smtp_v1 part_info
func partInfo(index uint32, ptr unsafe.Pointer, cap uint32) int32

//go:wasmimport ocp_smtp_v1 part_read
func partRead(index uint32, off uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 splice
func splice(off uint32, remove uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 header_add
func headerAdd(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport ocp_smtp_v1 header_insert
func headerInsert(index uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport ocp_smtp_v1 header_change
func headerChange(index uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport ocp_smtp_v1 header_remove
func headerRemove(index uint32) int32

//go:wasmimport ocp_smtp_v1 part_replace
func partReplace(index uint32, kind unsafe.Pointer, kindLen uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 state_get
func stateGet(key unsafe.Pointer, keyLen uint32, ptr unsafe.Pointer, cap uint32) int32

//go:wasmimport ocp_smtp_v1 state_set
func stateSet(key unsafe.Pointer, keyLen uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 auth
func askAuth(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 blob
func askBlob(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 clock
func askClock(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 directory
func askDirectory(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 dns
func askDNS(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 http
func askHTTP(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 key
func askKey(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 kv
func askKv(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 notify
func askNotify(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 scan
func askScan(ptr unsafe.Pointer, len uint32) int32

//go:wasmimport ocp_smtp_v1 answer_read
func answerRead(off uint32, ptr unsafe.Pointer, len uint32) int32

//go:wasmimport extism:host/env alloc
func extismAlloc(size uint64) uint64

//go:wasmimport extism:host/env length
func extismLength(block uint64) uint64

//go:wasmimport extism:host/env load_u8
func extismLoadU8(address uint64) uint32

//go:wasmimport extism:host/env load_u64
func extismLoadU64(address uint64) uint64

//go:wasmimport extism:host/env store_u8
func extismStoreU8(address uint64, value uint32)

//go:wasmimport extism:host/env store_u64
func extismStoreU64(address uint64, value uint64)

//go:wasmimport extism:host/env input_offset
func extismInputOffset() uint64

//go:wasmimport extism:host/env input_length
func extismInputLength() uint64

//go:wasmimport extism:host/env input_load_u8
func extismInputLoadU8(offset uint64) uint32

//go:wasmimport extism:host/env input_load_u64
func extismInputLoadU64(offset uint64) uint64

//go:wasmimport extism:host/env output_set
func extismOutputSet(block uint64, size uint64)

//go:wasmimport extism:host/env error_set
func extismErrorSet(block uint64)

//go:wasmimport extism:host/env config_get
func extismConfigGet(key uint64) uint64

//go:wasmimport extism:host/env log_debug
func extismLogDebug(block uint64)

//go:wasmimport extism:host/env log_info
func extismLogInfo(block uint64)

//go:wasmimport extism:host/env log_warn
func extismLogWarn(block uint64)

//go:wasmimport extism:host/env log_error
func extismLogError(block uint64)

func textPointer(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

func octetsPointer(octets []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(octets)), uint32(len(octets))
}
