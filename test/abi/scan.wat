;; The capability `scan`, granted a scanner that finds nothing, and 100 octets a minute.
(data (i32.const 1024) "{\22content\22:{\22offset\22:0,\22length\22:7}}") ;; a range of the message
(data (i32.const 1072) "{\22clean\22:true}") ;; no virus
(data (i32.const 1096) "{}\0ahello") ;; octets
(data (i32.const 1112) "{\22content\22:{\22offset\22:0,\22length\22:100000}}") ;; outside the message
(data (i32.const 1160) "{\22content\22:{\22offset\22:0,\22length\22:7}}\0ahello") ;; both
(data (i32.const 1216) "{}\0axxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") ;; too many octets
(data (i32.const 1328) "{\22content\22:{\22offset\22:0,\22length\22:0}}") ;; a range of no message
(data (i32.const 1376) "{}\0ahello") ;; for a service without the grant
(func (export "on_message") (result i32)
  (call $is (call $scan (i32.const 1024) (i32.const 35)) (i32.const 14))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 14)) (i32.const 14))
  (call $is (call $same (i32.const 16384) (i32.const 1072) (i32.const 14)) (i32.const 1))
  (call $is (call $scan (i32.const 1096) (i32.const 8)) (i32.const 14))
  (call $is (call $scan (i32.const 1112) (i32.const 40)) (i32.const -1))
  (call $is (call $scan (i32.const 1160) (i32.const 41)) (i32.const -1))
  (call $is (call $scan (i32.const 1216) (i32.const 104)) (i32.const -4))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $scan (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; there is no message yet
(func (export "on_connect") (result i32)
  (call $is (call $scan (i32.const 1328) (i32.const 35)) (i32.const -1))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $scan (i32.const 1376) (i32.const 8)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $scan (i32.const 65530) (i32.const 100)))
  (call $done))
