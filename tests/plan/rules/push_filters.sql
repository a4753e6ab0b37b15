-- a filter without event time goes below the watermark
SELECT v FROM clicks WHERE user = 'a'
=>
Project [v#1]
  Watermark ts#2 delay 5000000us
    Filter (user#3 = 'a')
      Stream clicks [ts#2, user#3, v#1, n#4, xs#5, p#6]

-- a filter on event time stays above the watermark
SELECT v FROM clicks WHERE ts < '2024-01-01 00:00:30'
=>
Project [v#1]
  Filter (ts#2 < cast('2024-01-01 00:00:30' AS TIMESTAMP))
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#3, v#1, n#4, xs#5, p#6]

-- conjuncts are split at the watermark
SELECT v FROM clicks WHERE user = 'a' AND ts < '2024-01-01 00:00:30'
=>
Project [v#1]
  Filter (ts#2 < cast('2024-01-01 00:00:30' AS TIMESTAMP))
    Watermark ts#2 delay 5000000us
      Filter (user#3 = 'a')
        Stream clicks [ts#2, user#3, v#1, n#4, xs#5, p#6]

-- an OR that touches event time stays whole
SELECT v FROM clicks WHERE user = 'a' OR ts < '2024-01-01 00:00:30'
=>
Project [v#1]
  Filter ((user#2 = 'a') OR (ts#3 < cast('2024-01-01 00:00:30' AS TIMESTAMP)))
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#2, v#1, n#4, xs#5, p#6]

-- through a projection by what its columns stand for
SELECT v FROM renamed WHERE who = 'A'
=>
Project [v#1]
  Project [ts#2 AS time#3, upper(user#4) AS who#5, v#1]
    Watermark ts#2 delay 5000000us
      Filter (upper(user#4) = 'A')
        Stream clicks [ts#2, user#4, v#1, n#6, xs#7, p#8]

-- HAVING on a key goes below the aggregate, on a value it stays
SELECT user, count(*) FROM clicks GROUP BY user HAVING user = 'a' AND count(*) > 1
=>
Project [user#1, count(1)#2]
  Filter (count(1)#2 > 1)
    Aggregate [user#1] [count(1) AS count(1)#2]
      Watermark ts#3 delay 5000000us
        Filter (user#1 = 'a')
          Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]

-- a condition on the window stays above the node that makes it
SELECT window.start FROM clicks GROUP BY window(ts, '10 seconds'), user HAVING window.start > '2024-01-01' AND user = 'a'
=>
Project [window#1.start AS start#2]
  Aggregate [window#1, user#3] []
    Filter (window#1.start > cast('2024-01-01' AS TIMESTAMP))
      Window ts#4 size 10000000us AS window#1
        Watermark ts#4 delay 5000000us
          Filter (user#3 = 'a')
            Stream clicks [ts#4, user#3, v#5, n#6, xs#7, p#8]

-- nothing goes through deduplicate
SELECT v FROM once WHERE user = 'a'
=>
Project [v#1]
  Filter (user#2 = 'a')
    Deduplicate [user#2]
      Watermark ts#3 delay 5000000us
        Stream clicks [ts#3, user#2, v#1, n#4, xs#5, p#6]

-- nothing goes through limit
SELECT user FROM (SELECT * FROM clicks LIMIT 3) WHERE user = 'a'
=>
Project [user#1]
  Filter (user#1 = 'a')
    Limit 3
      Project [ts#2, user#1, v#3, n#4, xs#5, p#6]
        Watermark ts#2 delay 5000000us
          Stream clicks [ts#2, user#1, v#3, n#4, xs#5, p#6]

-- into every input of a union
SELECT k FROM (SELECT k, a FROM l UNION ALL SELECT k, b FROM r) WHERE k = 'x'
=>
Project [k#1]
  Union [k#1, a#2]
    Project [k#3, a#4]
      Watermark lt#5 delay 5000000us
        Filter (k#3 = 'x')
          Stream l [lt#5, k#3, a#4]
    Project [k#6, b#7]
      Watermark rt#8 delay 5000000us
        Filter (k#6 = 'x')
          Stream r [rt#8, k#6, b#7]

-- into both sides of an inner join, and what needs both into its condition
SELECT a, b FROM l JOIN r ON l.k = r.k AND a > 1 WHERE b > 2 AND a < b
=>
Project [a#1, b#2]
  Join Inner ((k#3 = k#4) AND (a#1 < b#2))
    Watermark lt#5 delay 5000000us
      Filter (a#1 > 1)
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Filter (b#2 > 2)
        Stream r [rt#6, k#4, b#2]

-- WHERE on the kept side of a left join goes down, ON of that side stays
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND a > 1 AND b > 2 WHERE a < 9
=>
Project [a#1, b#2]
  Join LeftOuter ((k#3 = k#4) AND (a#1 > 1))
    Watermark lt#5 delay 5000000us
      Filter (a#1 < 9)
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Filter (b#2 > 2)
        Stream r [rt#6, k#4, b#2]

-- nothing goes through a full join
SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND a > 1 WHERE b > 2
=>
Project [a#1, b#2]
  Filter (b#2 > 2)
    Join FullOuter ((k#3 = k#4) AND (a#1 > 1))
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- both sides of ON of a semi join
SELECT a FROM l LEFT SEMI JOIN r ON l.k = r.k AND a > 1 AND b > 2
=>
Project [a#1]
  Join LeftSemi (k#2 = k#3)
    Watermark lt#4 delay 5000000us
      Filter (a#1 > 1)
        Stream l [lt#4, k#2, a#1]
    Watermark rt#5 delay 5000000us
      Filter (b#6 > 2)
        Stream r [rt#5, k#3, b#6]

-- below a generator when it does not read its columns
SELECT e FROM clicks LATERAL VIEW explode(xs) AS e WHERE e > 1 AND user = 'a'
=>
Project [e#1]
  Filter (e#1 > 1)
    Generate explode(xs#2) AS [e#1]
      Watermark ts#3 delay 5000000us
        Filter (user#4 = 'a')
          Stream clicks [ts#3, user#4, v#5, n#6, xs#2, p#7]

-- NOT IN keeps its condition whole
SELECT v FROM clicks WHERE user NOT IN (SELECT user FROM users) AND v > 1
=>
Project [v#1]
  Watermark ts#2 delay 5000000us
    Join LeftAnti null-aware (user#3 = user#4)
      Filter (v#1 > 1.0)
        Stream clicks [ts#2, user#3, v#1, n#5, xs#6, p#7]
      Project [user#4]
        Table users [user#4, city#8]

-- below EXCEPT on the left
SELECT user FROM (SELECT user FROM clicks EXCEPT SELECT user FROM users) WHERE user > 'a'
=>
Project [user#1]
  Aggregate [user#1] []
    Project [user#1]
      Join LeftAnti (user#1 <=> user#2)
        Watermark ts#3 delay 5000000us
          Filter (user#1 > 'a')
            Stream clicks [ts#3, user#1, v#4, n#5, xs#6, p#7]
        Project [user#2]
          Table users [user#2, city#8]

-- a condition without columns decides about both sides of a join
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE a > 1 AND 1 > 2
=>
Project [a#1, b#2]
  Join LeftOuter (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Filter ((1 > 2) AND (a#1 > 1))
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Filter (1 > 2)
        Stream r [rt#6, k#4, b#2]

-- what a regular expression gave is not computed again below
SELECT ts FROM (SELECT ts, v, user RLIKE 'a' AS a FROM clicks) WHERE a AND v > 1
=>
Project [ts#1]
  Filter a#2
    Project [ts#1, v#3, rlike(user#4, 'a') AS a#2]
      Watermark ts#1 delay 5000000us
        Filter (v#3 > 1.0)
          Stream clicks [ts#1, user#4, v#3, n#5, xs#6, p#7]

-- a pattern that is a prefix is cheap
SELECT ts FROM (SELECT ts, user LIKE 'a%' AS a FROM clicks) WHERE a
=>
Project [ts#1]
  Project [ts#1, like(user#2, 'a%') AS a#3]
    Watermark ts#1 delay 5000000us
      Filter like(user#2, 'a%')
        Stream clicks [ts#1, user#2, v#4, n#5, xs#6, p#7]

-- BETWEEN computes its first operand once where that is expensive
SELECT ts FROM clicks WHERE CASE WHEN user LIKE '_' THEN v END BETWEEN 1 AND 2 AND v > 1
=>
Project [ts#1]
  Filter ((CASE WHEN like(user#2, '_') THEN v#3 END >= 1.0) AND (CASE WHEN like(user#2, '_') THEN v#3 END <= 2.0))
    Watermark ts#1 delay 5000000us
      Filter (v#3 > 1.0)
        Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]
