;; The capability `blob`, granted files of 10 octets, kept by Postern for a minute at most.
(data (i32.const 1024) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22}\0ahello") ;; put
(data (i32.const 1088) "{\22url\22:\22http://files.test/blob/") ;; how the answer begins
(data (i32.const 1128) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22,\22content\22:{\22offset\22:0,\22length\22:7}}") ;; put a range of the message
(data (i32.const 1224) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22,\22content\22:{\22offset\22:0,\22length\22:100000}}") ;; outside the message
(data (i32.const 1320) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22}\0ahello world") ;; too large
(data (i32.const 1392) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22,\22expires\22:61}\0ahello") ;; for too long
(data (i32.const 1472) "{\22op\22:\22put\22,\22name\22:\22\22,\22type\22:\22text/plain\22}\0ahello") ;; without a name
(data (i32.const 1528) "{\22op\22:\22info\22,\22id\22:\22nothing\22}") ;; of a file that is not there
(data (i32.const 1568) "{\22op\22:\22remove\22,\22id\22:\22nothing\22}") ;; remove it
(data (i32.const 1608) "{\22removed\22:false}") ;; there was none
(data (i32.const 1640) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22,\22content\22:{\22offset\22:0,\22length\22:0}}") ;; a range of no message
(data (i32.const 1736) "{\22op\22:\22put\22,\22name\22:\22a.txt\22,\22type\22:\22text/plain\22}\0ahello") ;; for a service without the grant
(func (export "on_message") (result i32)
  (call $is (i32.gt_s (call $blob (i32.const 1024) (i32.const 53)) (i32.const 0)) (i32.const 1))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 31)) (i32.const 31))
  (call $is (call $same (i32.const 16384) (i32.const 1088) (i32.const 31)) (i32.const 1))
  (call $is (i32.gt_s (call $blob (i32.const 1128) (i32.const 81)) (i32.const 0)) (i32.const 1))
  (call $is (call $blob (i32.const 1224) (i32.const 86)) (i32.const -1))
  (call $is (call $blob (i32.const 1320) (i32.const 59)) (i32.const -4))
  (call $is (call $blob (i32.const 1392) (i32.const 66)) (i32.const -4))
  (call $is (call $blob (i32.const 1472) (i32.const 48)) (i32.const -1))
  (call $is (call $blob (i32.const 1528) (i32.const 28)) (i32.const -2))
  (call $is (call $blob (i32.const 1568) (i32.const 30)) (i32.const 17))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 17)) (i32.const 17))
  (call $is (call $same (i32.const 16384) (i32.const 1608) (i32.const 17)) (i32.const 1))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $blob (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; there is no message yet
(func (export "on_connect") (result i32)
  (call $is (call $blob (i32.const 1640) (i32.const 81)) (i32.const -1))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $blob (i32.const 1736) (i32.const 53)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $blob (i32.const 65530) (i32.const 100)))
  (call $done))
