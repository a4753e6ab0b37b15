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
