-- a limit reads no more of a batch than it counts
SELECT upper(user) AS u FROM clicks LIMIT 3
=>
Limit 3
  Project [upper(user#1) AS u#2]
    Watermark ts#3 delay 5000000us
      Limit 3 of each batch
        Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]

-- a limit over a union reads as many rows of each input
SELECT k, a FROM l UNION ALL SELECT upper(k), b FROM r LIMIT 3
=>
Limit 3
  Union [k#1, a#2]
    Project [k#3, a#4]
      Watermark lt#5 delay 5000000us
        Limit 3 of each batch
          Stream l [lt#5, k#3, a#4]
    Project [upper(k#6) AS upper(k)#7, b#8]
      Watermark rt#9 delay 5000000us
        Limit 3 of each batch
          Stream r [rt#9, k#6, b#8]

-- above a condition on the event time it counts what passes
SELECT lt, k FROM l WHERE lt > '2024-01-01' LIMIT 3
=>
Limit 3
  Project [lt#1, k#2]
    Filter (lt#1 > cast('2024-01-01' AS TIMESTAMP))
      Watermark lt#1 delay 5000000us
        Limit 3 of each batch passing (lt#1 > cast('2024-01-01' AS TIMESTAMP))
          Stream l [lt#1, k#2, a#3]

-- of an outer join the side whose rows all come out
SELECT c.user, city FROM clicks c LEFT JOIN users u ON c.user = u.user LIMIT 3
=>
Limit 3
  Project [user#1, city#2]
    Join LeftOuter (user#1 = user#3)
      Watermark ts#4 delay 5000000us
        Limit 3 of each batch
          Stream clicks [ts#4, user#1, v#5, n#6, xs#7, p#8]
      Table users [user#3, city#2]

-- of two streams as well
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k LIMIT 3
=>
Limit 3
  Project [a#1, b#2]
    Join RightOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Limit 3 of each batch
          Stream r [rt#6, k#4, b#2]

-- an inner join of streams reads on
SELECT a, b FROM l JOIN r ON l.k = r.k LIMIT 3
=>
Limit 3
  Project [a#1, b#2]
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a product does not
SELECT c.user, city FROM clicks c CROSS JOIN users u LIMIT 3
=>
Limit 3
  Project [user#1, city#2]
    Join Inner
      Watermark ts#3 delay 5000000us
        Limit 3 of each batch
          Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]
      Table users [user#8, city#2]

-- what keeps state reads all of its rows
SELECT user FROM once UNION ALL SELECT k FROM l LIMIT 3
=>
Limit 3
  Union [user#1]
    Project [user#2]
      Deduplicate [user#2]
        Watermark ts#3 delay 5000000us
          Stream clicks [ts#3, user#2, v#4, n#5, xs#6, p#7]
    Project [k#8]
      Watermark lt#9 delay 5000000us
        Limit 3 of each batch
          Stream l [lt#9, k#8, a#10]

-- a union in a union, and a limit in one
SELECT user FROM plain UNION ALL (SELECT k FROM l UNION ALL SELECT k FROM r) UNION ALL (SELECT k FROM l LIMIT 2) LIMIT 3
=>
Limit 3
  Union [user#1]
    Project [user#2]
      Limit 3 of each batch
        Stream plain [ts#3, user#2, v#4]
    Union [k#5]
      Project [k#6]
        Watermark lt#7 delay 5000000us
          Limit 3 of each batch
            Stream l [lt#7, k#6, a#8]
      Project [k#9]
        Watermark rt#10 delay 5000000us
          Limit 3 of each batch
            Stream r [rt#10, k#9, b#11]
    Limit 2
      Project [k#12]
        Watermark lt#13 delay 5000000us
          Limit 2 of each batch
            Stream l [lt#13, k#12, a#14]

-- a limit of a table is its own
SELECT user FROM clicks WHERE v > (SELECT max(lim) FROM (SELECT * FROM limits LIMIT 2))
=>
Project [user#1]
  Filter (v#2 > subquery(Project [max(lim)#3] <- Aggregate [] [max(lim#4) AS max(lim)#3] <- Limit 2 <- Project [lim#4] <- Table limits [lim#4]))
    Watermark ts#5 delay 5000000us
      Stream clicks [ts#5, user#1, v#2, n#6, xs#7, p#8]
