;; The capability `clock`: a request, its answer read in pieces, and what is refused.
(data (i32.const 1024) "{}")
(data (i32.const 1032) "{\"zone\":\"UTC\"}")
(data (i32.const 1056) "{\"ms\":1")
(func (export "on_connect") (result i32)
  ;; before the first answer there is nothing to read
  (call $is (call $answer_read (i32.const 0) (i32.const 2048) (i32.const 100)) (i32.const 0))
  ;; {"ms":1…} with the 13 digits of this age
  (call $is (call $clock (i32.const 1024) (i32.const 2)) (i32.const 20))
  (call $is (call $answer_read (i32.const 0) (i32.const 2048) (i32.const 7)) (i32.const 7))
  (call $is (call $same (i32.const 2048) (i32.const 1056) (i32.const 7)) (i32.const 1))
  (call $is (call $answer_read (i32.const 19) (i32.const 2048) (i32.const 7)) (i32.const 1))
  (call $is (i32.load8_u (i32.const 2048)) (i32.const 125))
  (call $is (call $answer_read (i32.const 20) (i32.const 2048) (i32.const 7)) (i32.const 0))
  (call $is (call $answer_read (i32.const -1) (i32.const 2048) (i32.const 7)) (i32.const 0))
  ;; not what it understands; and an error leaves no answer
  (call $is (call $clock (i32.const 1032) (i32.const 14)) (i32.const -1))
  (call $is (call $answer_read (i32.const 0) (i32.const 2048) (i32.const 7)) (i32.const 0))
  (call $is (call $clock (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $clock (i32.const 1024) (i32.const 2)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 2048) (i32.const 7)) (i32.const 0))
  (call $done))
;; the settings are checked without any capability
(func (export "configure") (result i32)
  (call $is (call $clock (i32.const 1024) (i32.const 2)) (i32.const -3))
  (call $is (call $kv (i32.const 1024) (i32.const 2)) (i32.const -3))
  (call $is (call $http (i32.const 1024) (i32.const 2)) (i32.const -3))
  (global.get $wrong))
