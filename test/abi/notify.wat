;; The capability `notify`, granted for recipients and incidents.
(data (i32.const 1024) "{\22kind\22:\22notice\22,\22to\22:\22recipients\22,\22subject\22:\22A\5cu0001B\22}\0aone\0atwo") ;; a notice
(data (i32.const 1152) "{\22kind\22:\22notice\22,\22to\22:\22sender\22,\22subject\22:\22A\22}\0ax") ;; one that is not granted
(data (i32.const 1280) "{\22kind\22:\22incident\22,\22severity\22:\22warning\22,\22event\22:\22virus-found\22,\22text\22:\22Eicar\22,\22fields\22:{\22file\22:\22a.zip\22}}") ;; an incident
(data (i32.const 1536) "{\22kind\22:\22incident\22,\22severity\22:\22grave\22,\22event\22:\22x\22,\22text\22:\22\22}") ;; no such severity
(data (i32.const 1664) "{\22kind\22:\22incident\22,\22severity\22:\22info\22,\22event\22:\22x\22,\22text\22:\22\22}\0ax") ;; an incident has no text after it
(data (i32.const 1792) "{\22kind\22:\22notice\22,\22to\22:\22recipients\22,\22subject\22:\22A\22}\0a\ff") ;; no UTF-8
(data (i32.const 1920) "{\22kind\22:\22incident\22,\22severity\22:\22info\22,\22event\22:\22x\22,\22text\22:\22\22}") ;; the shortest incident
(func (export "on_message") (result i32) (local $left i32)
  (call $is (call $notify (i32.const 1024) (i32.const 64)) (i32.const 0))
  (call $is (call $notify (i32.const 1152) (i32.const 47)) (i32.const -3))
  (call $is (call $notify (i32.const 1280) (i32.const 103)) (i32.const 0))
  (call $is (call $notify (i32.const 1536) (i32.const 60)) (i32.const -1))
  (call $is (call $notify (i32.const 1664) (i32.const 61)) (i32.const -1))
  (call $is (call $notify (i32.const 1792) (i32.const 51)) (i32.const -1))
  ;; 20 in all
  (local.set $left (i32.const 18))
  (loop $next
    (call $is (call $notify (i32.const 1920) (i32.const 59)) (i32.const 0))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $next (local.get $left)))
  (call $is (call $notify (i32.const 1920) (i32.const 59)) (i32.const -4))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $notify (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; no message, so no notice; an incident all the same
(func (export "on_connect") (result i32)
  (call $is (call $notify (i32.const 1024) (i32.const 64)) (i32.const -3))
  (call $is (call $notify (i32.const 1920) (i32.const 59)) (i32.const 0))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $notify (i32.const 1920) (i32.const 59)) (i32.const -3))
  (call $done))
;; a call that fails after it proposed
(func (export "on_rcpt") (result i32)
  (call $is (call $notify (i32.const 1920) (i32.const 59)) (i32.const 1))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $notify (i32.const 65530) (i32.const 100)))
  (call $done))
