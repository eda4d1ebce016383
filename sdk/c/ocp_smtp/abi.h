/*
 * The calls of sdk/ABI.md as they are, and Extism's. A call that a filter does not reach is not imported: the import
 * section stays an honest audit.
 */
#ifndef OCP_SMTP_ABI_H
#define OCP_SMTP_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCP_INVALID (-1)
#define OCP_NOT_FOUND (-2)
#define OCP_DENIED (-3)
#define OCP_LIMIT (-4)
#define OCP_UNAVAILABLE (-5)

#define OCP_IMPORT(name) __attribute__((import_module("ocp_smtp_v1"), import_name(#name))) extern int32_t ocp_##name

OCP_IMPORT(message_size)(void);
OCP_IMPORT(message_read)(uint32_t off, void *ptr, uint32_t len);
OCP_IMPORT(header_count)(void);
OCP_IMPORT(header_find)(const char *name, uint32_t name_len, uint32_t nth);
OCP_IMPORT(header_name)(uint32_t index, void *ptr, uint32_t cap);
OCP_IMPORT(header_value)(uint32_t index, void *ptr, uint32_t cap);
OCP_IMPORT(part_count)(void);
OCP_IMPORT(part_info)(uint32_t index, void *ptr, uint32_t cap);
OCP_IMPORT(part_read)(uint32_t index, uint32_t off, void *ptr, uint32_t len);
OCP_IMPORT(splice)(uint32_t off, uint32_t remove, const void *ptr, uint32_t len);
OCP_IMPORT(header_add)(const char *name, uint32_t name_len, const char *value, uint32_t value_len);
OCP_IMPORT(header_insert)(uint32_t index, const char *name, uint32_t name_len, const char *value, uint32_t value_len);
OCP_IMPORT(header_change)(uint32_t index, const char *value, uint32_t value_len);
OCP_IMPORT(header_remove)(uint32_t index);
OCP_IMPORT(part_replace)(uint32_t index, const char *type, uint32_t type_len, const void *ptr, uint32_t len);
OCP_IMPORT(state_get)(const char *key, uint32_t key_len, void *ptr, uint32_t cap);
OCP_IMPORT(state_set)(const char *key, uint32_t key_len, const void *ptr, uint32_t len);
OCP_IMPORT(auth)(const char *ptr, uint32_t len);
OCP_IMPORT(blob)(const char *ptr, uint32_t len);
OCP_IMPORT(clock)(const char *ptr, uint32_t len);
OCP_IMPORT(directory)(const char *ptr, uint32_t len);
OCP_IMPORT(dns)(const char *ptr, uint32_t len);
OCP_IMPORT(http)(const char *ptr, uint32_t len);
OCP_IMPORT(key)(const char *ptr, uint32_t len);
OCP_IMPORT(kv)(const char *ptr, uint32_t len);
OCP_IMPORT(notify)(const char *ptr, uint32_t len);
OCP_IMPORT(scan)(const char *ptr, uint32_t len);
OCP_IMPORT(answer_read)(uint32_t off, void *ptr, uint32_t len);

#define OCP_EXTISM(name) __attribute__((import_module("extism:host/env"), import_name(#name))) extern

OCP_EXTISM(alloc) uint64_t ocp_extism_alloc(uint64_t size);
OCP_EXTISM(length) uint64_t ocp_extism_length(uint64_t block);
OCP_EXTISM(load_u8) uint32_t ocp_extism_load_u8(uint64_t address);
OCP_EXTISM(load_u64) uint64_t ocp_extism_load_u64(uint64_t address);
OCP_EXTISM(store_u8) void ocp_extism_store_u8(uint64_t address, uint32_t value);
OCP_EXTISM(store_u64) void ocp_extism_store_u64(uint64_t address, uint64_t value);
OCP_EXTISM(input_offset) uint64_t ocp_extism_input_offset(void);
OCP_EXTISM(input_length) uint64_t ocp_extism_input_length(void);
OCP_EXTISM(input_load_u8) uint32_t ocp_extism_input_load_u8(uint64_t offset);
OCP_EXTISM(input_load_u64) uint64_t ocp_extism_input_load_u64(uint64_t offset);
OCP_EXTISM(output_set) void ocp_extism_output_set(uint64_t block, uint64_t size);
OCP_EXTISM(error_set) void ocp_extism_error_set(uint64_t block);
OCP_EXTISM(config_get) uint64_t ocp_extism_config_get(uint64_t key);
OCP_EXTISM(log_debug) void ocp_extism_log_debug(uint64_t block);
OCP_EXTISM(log_info) void ocp_extism_log_info(uint64_t block);
OCP_EXTISM(log_warn) void ocp_extism_log_warn(uint64_t block);
OCP_EXTISM(log_error) void ocp_extism_log_error(uint64_t block);

#endif
