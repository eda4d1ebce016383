;; The capability `dns`, granted names below example.org and 3 queries in one call; no name is known there.
(data (i32.const 1024) "{\22type\22:\22A\22,\22name\22:\22a.EXAMPLE.org.\22}") ;; look up
(data (i32.const 1072) "{\22result\22:\22nxdomain\22,\22ttl\22:0,\22records\22:[]}") ;; there is no such name
(data (i32.const 1128) "{\22type\22:\22A\22,\22address\22:\22192.0.2.7\22,\22name\22:\22zen.example.org\22}") ;; look up an address
(data (i32.const 1200) "{\22type\22:\22A\22,\22name\22:\22example.com\22}") ;; a name that is not granted
(data (i32.const 1248) "{\22type\22:\22ANY\22,\22name\22:\22a.example.org\22}") ;; a type that is not offered
(data (i32.const 1296) "{\22type\22:\22A\22,\22name\22:\22a..example.org\22}") ;; no name
(data (i32.const 1344) "{\22type\22:\22A\22}") ;; neither name nor address
(data (i32.const 1368) "{\22type\22:\22MX\22,\22name\22:\22b.example.org\22}") ;; the third
(data (i32.const 1416) "{\22type\22:\22TXT\22,\22name\22:\22c.example.org\22}") ;; one too many
(data (i32.const 1464) "{\22type\22:\22A\22,\22name\22:\22a.example.org\22}") ;; for a service without the grant
(func (export "on_connect") (result i32)
  (call $is (call $dns (i32.const 1024) (i32.const 36)) (i32.const 42))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 42)) (i32.const 42))
  (call $is (call $same (i32.const 16384) (i32.const 1072) (i32.const 42)) (i32.const 1))
  (call $is (call $dns (i32.const 1128) (i32.const 59)) (i32.const 42))
  (call $is (call $dns (i32.const 1200) (i32.const 33)) (i32.const -3))
  (call $is (call $dns (i32.const 1248) (i32.const 37)) (i32.const -1))
  (call $is (call $dns (i32.const 1296) (i32.const 36)) (i32.const -1))
  (call $is (call $dns (i32.const 1344) (i32.const 12)) (i32.const -1))
  (call $is (call $dns (i32.const 1368) (i32.const 36)) (i32.const 42))
  (call $is (call $dns (i32.const 1416) (i32.const 37)) (i32.const -4))
  ;; a request of 8 MiB and an octet
  (call $is (memory.grow (i32.const 160)) (i32.const 1))
  (call $is (call $dns (i32.const 0) (i32.const 8388609)) (i32.const -4))
  (call $done))
;; without the grant
(func (export "on_helo") (result i32)
  (call $is (call $dns (i32.const 1464) (i32.const 35)) (i32.const -3))
  (call $is (call $answer_read (i32.const 0) (i32.const 16384) (i32.const 100)) (i32.const 0))
  (call $done))
;; a request outside the memory
(func (export "on_mail") (result i32)
  (drop (call $dns (i32.const 65530) (i32.const 100)))
  (call $done))
