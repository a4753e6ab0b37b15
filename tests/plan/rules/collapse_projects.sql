-- two projections are one
SELECT who FROM (SELECT upper(user) AS who FROM clicks)
=>
Project [upper(user#1) AS who#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]

-- what is read twice is computed once
SELECT w || w AS ww FROM (SELECT upper(user) AS w FROM clicks)
=>
Project [concat(w#1, w#1) AS ww#2]
  Project [upper(user#3) AS w#1]
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#3, v#5, n#6, xs#7, p#8]

-- a column read twice is merged
SELECT w || w AS ww FROM (SELECT user AS w FROM clicks)
=>
Project [concat(user#1, user#1) AS ww#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]

-- a projection that changes nothing is gone
SELECT * FROM (SELECT * FROM clicks)
=>
Watermark ts#1 delay 5000000us
  Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- a field read twice is merged
SELECT w + w AS ww FROM (SELECT p.a AS w FROM clicks)
=>
Project [(p#1.a + p#1.a) AS ww#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#4, v#5, n#6, xs#7, p#1]

-- a limit of a limit counts once, to the smaller
SELECT * FROM (SELECT * FROM clicks LIMIT 5) LIMIT 3
=>
Limit 3
  Watermark ts#1 delay 5000000us
    Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- a limit of a projection of a limit counts once too
SELECT user FROM (SELECT upper(user) AS user, v FROM (SELECT * FROM clicks LIMIT 2)) LIMIT 3
=>
Project [upper(user#1) AS user#2]
  Limit 2
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]

-- a projection that renames stays
SELECT user AS who FROM (SELECT * FROM clicks)
=>
Project [user#1 AS who#2]
  Watermark ts#3 delay 5000000us
    Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]
