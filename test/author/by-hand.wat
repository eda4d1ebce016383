;; A whole filter written by hand from sdk/ABI.md, without any SDK: it rejects mail whose text says a word, in upper or lower case, and
;; adds a header to all other mail. The word is its setting: {"word":"lottery"}, of letters, digits and "-".
(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
  (import "ocp_smtp_v1" "part_count" (func $part_count (result i32)))
  (import "ocp_smtp_v1" "part_info" (func $part_info (param i32 i32 i32) (result i32)))
  (import "ocp_smtp_v1" "part_read" (func $part_read (param i32 i32 i32 i32) (result i32)))
  (import "ocp_smtp_v1" "header_add" (func $header_add (param i32 i32 i32 i32) (result i32)))

  (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
  (memory (export "memory") 1)

  (data (i32.const 0) "settings")
  (data (i32.const 16) "\"word\":\"")
  (data (i32.const 32) "\"type\":\"text/")
  (data (i32.const 64) "{}")
  (data (i32.const 128) "{\"verdict\":\"reject\",\"reply\":{\"code\":550,\"enhanced\":\"5.7.1\",\"text\":\"not wanted here\"}}")
  (data (i32.const 256) "Cannot use word: required is a text of letters, digits and \"-\"")
  (data (i32.const 384) "X-Checked-By")
  (data (i32.const 400) "by-hand")
  ;; 1024: the word in lower case. 2048: the settings. 4096: the facts of a part. 8192: what is at hand of its text.
  (global $word_length (mut i32) (i32.const 0))

  ;; A host block with a copy of a range of the memory.
  (func $block (param $ptr i32) (param $len i32) (result i64)
    (local $at i64) (local $i i32)
    (local.set $at (call $alloc (i64.extend_i32_u (local.get $len))))
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $i) (local.get $len)))
        (call $store_u8
          (i64.add (local.get $at) (i64.extend_i32_u (local.get $i)))
          (i32.load8_u (i32.add (local.get $ptr) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $at))

  ;; What the export returns.
  (func $say (param $ptr i32) (param $len i32)
    (call $output_set (call $block (local.get $ptr) (local.get $len)) (i64.extend_i32_u (local.get $len))))

  ;; Where the second range is found in the first, after its end; 0 if it is not.
  (func $after (param $ptr i32) (param $len i32) (param $what i32) (param $size i32) (result i32)
    (local $start i32) (local $i i32)
    (block $none
      (loop $next
        (br_if $none (i32.gt_u (i32.add (local.get $start) (local.get $size)) (local.get $len)))
        (local.set $i (i32.const 0))
        (block $other
          (loop $compare
            (if (i32.eq (local.get $i) (local.get $size))
              (then (return (i32.add (i32.add (local.get $ptr) (local.get $start)) (local.get $size)))))
            (br_if $other
              (i32.ne
                (i32.load8_u (i32.add (i32.add (local.get $ptr) (local.get $start)) (local.get $i)))
                (i32.load8_u (i32.add (local.get $what) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $compare)))
        (local.set $start (i32.add (local.get $start) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; A to Z become a to z.
  (func $fold (param $octet i32) (result i32)
    (if (result i32) (i32.lt_u (i32.sub (local.get $octet) (i32.const 65)) (i32.const 26))
      (then (i32.add (local.get $octet) (i32.const 32)))
      (else (local.get $octet))))

  ;; Puts the word of the settings where it belongs; its length stays 0 if there is none that can be used.
  (func $read_word
    (local $from i64) (local $size i32) (local $i i32) (local $octet i32) (local $at i32)
    (local.set $from (call $config_get (call $block (i32.const 0) (i32.const 8))))
    (if (i64.eqz (local.get $from)) (then (return)))
    (local.set $size (i32.wrap_i64 (call $length (local.get $from))))
    (if (i32.gt_u (local.get $size) (i32.const 2048)) (then (return)))
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $i) (local.get $size)))
        (i32.store8
          (i32.add (i32.const 2048) (local.get $i))
          (call $load_u8 (i64.add (local.get $from) (i64.extend_i32_u (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.set $at (call $after (i32.const 2048) (local.get $size) (i32.const 16) (i32.const 8)))
    (if (i32.eqz (local.get $at)) (then (return)))
    (local.set $i (i32.const 0))
    (loop $next
      (local.set $octet (call $fold (i32.load8_u (i32.add (local.get $at) (local.get $i)))))
      (if (i32.eq (local.get $octet) (i32.const 34)) ;; the closing quote
        (then (global.set $word_length (local.get $i)) (return)))
      (if (i32.eqz
            (i32.or
              (i32.lt_u (i32.sub (local.get $octet) (i32.const 97)) (i32.const 26))
              (i32.or
                (i32.lt_u (i32.sub (local.get $octet) (i32.const 48)) (i32.const 10))
                (i32.eq (local.get $octet) (i32.const 45)))))
        (then (return)))
      (if (i32.eq (local.get $i) (i32.const 100)) (then (return)))
      (i32.store8 (i32.add (i32.const 1024) (local.get $i)) (local.get $octet))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))

  ;; 1 if the text of this part says the word, wherever one read ends and the next begins.
  (func $says (param $part i32) (result i32)
    (local $offset i32) (local $kept i32) (local $got i32) (local $i i32)
    (loop $next
      (local.set $got
        (call $part_read (local.get $part) (local.get $offset) (i32.add (i32.const 8192) (local.get $kept)) (i32.const 4096)))
      (if (i32.le_s (local.get $got) (i32.const 0)) (then (return (i32.const 0))))
      (local.set $offset (i32.add (local.get $offset) (local.get $got)))
      (local.set $i (local.get $kept))
      (local.set $got (i32.add (local.get $got) (local.get $kept)))
      (block $end
        (loop $letter
          (br_if $end (i32.ge_u (local.get $i) (local.get $got)))
          (i32.store8
            (i32.add (i32.const 8192) (local.get $i))
            (call $fold (i32.load8_u (i32.add (i32.const 8192) (local.get $i)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $letter)))
      (if (call $after (i32.const 8192) (local.get $got) (i32.const 1024) (global.get $word_length))
        (then (return (i32.const 1))))
      ;; the word's length less one stays for the next read
      (local.set $kept (i32.sub (global.get $word_length) (i32.const 1)))
      (if (i32.gt_u (local.get $kept) (local.get $got)) (then (local.set $kept (local.get $got))))
      (memory.copy
        (i32.const 8192)
        (i32.sub (i32.add (i32.const 8192) (local.get $got)) (local.get $kept))
        (local.get $kept))
      (br $next))
    unreachable)

  ;; Asked once: the complaint about the settings, or nothing.
  (func (export "configure") (result i32)
    (call $read_word)
    (if (i32.eqz (global.get $word_length)) (then (call $say (i32.const 256) (i32.const 62))))
    (i32.const 0))

  ;; Asked about each message.
  (func (export "on_message") (result i32)
    (local $part i32) (local $size i32)
    (call $read_word)
    (block $clean
      (loop $next
        (br_if $clean (i32.ge_u (local.get $part) (call $part_count)))
        (local.set $size (call $part_info (local.get $part) (i32.const 4096) (i32.const 4096)))
        (if (i32.gt_u (local.get $size) (i32.const 4096)) (then (local.set $size (i32.const 4096))))
        (if (call $after (i32.const 4096) (local.get $size) (i32.const 32) (i32.const 13))
          (then
            (if (call $says (local.get $part))
              (then
                (call $say (i32.const 128) (i32.const 85))
                (return (i32.const 0))))))
        (local.set $part (i32.add (local.get $part) (i32.const 1)))
        (br $next)))
    ;; DENIED without allowModify: then the call is a failure, since what it returns is not 0
    (if (call $header_add (i32.const 384) (i32.const 12) (i32.const 400) (i32.const 7)) (then (return (i32.const 1))))
    (call $say (i32.const 64) (i32.const 2))
    (i32.const 0)))
