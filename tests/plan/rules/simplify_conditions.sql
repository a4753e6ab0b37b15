-- true AND x is x
SELECT user FROM clicks WHERE true AND v > 1
=>
Project [user#1]
  Filter (v#2 > 1.0)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#2, n#4, xs#5, p#6]

-- a filter that keeps all is gone
SELECT user FROM clicks WHERE true
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- x OR true is true
SELECT user FROM clicks WHERE v > 1 OR NOT false
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- false stays
SELECT user FROM clicks WHERE v > 1 AND false
=>
Project [user#1]
  Filter false
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- branches that say the same need no test
SELECT user FROM clicks WHERE if(ts IS NULL, n > 1, n > 1) AND CASE WHEN v > 1 THEN true ELSE true END
=>
Project [user#1]
  Filter (n#2 > 1)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]

-- NULL keeps no row, so it is false
SELECT user FROM clicks WHERE n > 1 AND CASE WHEN ts > TIMESTAMP'2024-01-01' THEN NULL WHEN v > 1 THEN false END
=>
Project [user#1]
  Filter false
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- conditions without columns are worked out
SELECT user FROM clicks WHERE n > 1 OR coalesce(NULL, 1 > 2, n > 3) OR 'a' NOT LIKE 'b' OR (1 < 2 AND NOT 'a' = 'a')
=>
Project [user#1]
  Filter (((n#2 > 1) OR coalesce(NULL, false, (n#2 > 3))) OR not(like('a', 'b')))
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#2, xs#5, p#6]
