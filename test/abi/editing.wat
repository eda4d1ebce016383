;; Every call that edits the header, and splice; indexes and offsets stay those of the message as it was.
(data (i32.const 1024) "X-New")
(data (i32.const 1032) "first")
(data (i32.const 1040) "last")
(data (i32.const 1048) "changed")
(data (i32.const 1056) "Hello you")
(func (export "on_message") (result i32)
  (call $is (call $header_add (i32.const 1024) (i32.const 5) (i32.const 1040) (i32.const 4)) (i32.const 0))
  (call $is (call $header_insert (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 5)) (i32.const 0))
  (call $is (call $header_remove (i32.const 2)) (i32.const 0))
  (call $is (call $header_change (i32.const 3) (i32.const 1048) (i32.const 7)) (i32.const 0))
  ;; "Hi there" of the first part
  (call $is (call $splice (i32.sub (call $message_size) (i32.const 172)) (i32.const 8) (i32.const 1056) (i32.const 9)) (i32.const 0))
  ;; what was proposed is not seen by the call itself
  (call $is (call $header_count) (i32.const 6))
  (call $done))
