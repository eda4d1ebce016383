;; Splices right at line ends that leave every line end whole.
(data (i32.const 1024) "\0aX-A: 1\0d")
(data (i32.const 1040) "\0d\0a")
;; The message begins "Subject: hello" CR LF.
(func (export "on_message") (result i32)
  ;; between CR and LF
  (call $is (call $splice (i32.const 15) (i32.const 0) (i32.const 1024) (i32.const 8)) (i32.const 0))
  ;; a whole line end for a whole line end, and one more after it
  (call $is (call $splice (i32.const 16) (i32.const 0) (i32.const 1040) (i32.const 0)) (i32.const 0))
  (call $done))
