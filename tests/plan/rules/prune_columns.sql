-- a source gives only what is read
SELECT user FROM clicks
=>
Project [user#1]
  Watermark ts#2 delay 5000000us
    Stream clicks [ts#2, user#1]

-- a count reads one column, the cheapest
SELECT count(*) FROM plain
=>
Project [count(1)#1]
  Aggregate [] [count(1) AS count(1)#1]
    Stream plain [ts#2]

-- the watermark reads its column
SELECT user FROM clicks WHERE v > 1
=>
Project [user#1]
  Filter (v#2 > 1.0)
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#1, v#2]

-- an aggregate that nobody reads is gone
SELECT n FROM (SELECT user, count(*) AS n, max(v) AS m FROM clicks GROUP BY user)
=>
Project [n#1]
  Project [count(1)#2 AS n#1]
    Aggregate [user#3] [count(1) AS count(1)#2]
      Watermark ts#4 delay 5000000us
        Stream clicks [ts#4, user#3]

-- a join keeps in state what it and its output read
SELECT a FROM (SELECT * FROM l WHERE lt > '2024-01-01') x JOIN r ON x.k = r.k
=>
Project [a#1]
  Join Inner (k#2 = k#3)
    Project [k#2, a#1]
      Filter (lt#4 > cast('2024-01-01' AS TIMESTAMP))
        Watermark lt#4 delay 5000000us
          Stream l [lt#4, k#2, a#1]
    Project [k#3]
      Watermark rt#5 delay 5000000us
        Stream r [rt#5, k#3]

-- a union by position
SELECT k FROM (SELECT k, a FROM l UNION ALL SELECT k, b FROM r)
=>
Project [k#1]
  Union [k#1]
    Project [k#2]
      Watermark lt#3 delay 5000000us
        Stream l [lt#3, k#2]
    Project [k#4]
      Watermark rt#5 delay 5000000us
        Stream r [rt#5, k#4]

-- deduplicate keeps its keys, and loses an event time nobody reads
SELECT v FROM once
=>
Project [v#1]
  Deduplicate [user#2]
    Project [user#2, v#1]
      Watermark ts#3 delay 5000000us
        Stream clicks [ts#3, user#2, v#1]

-- within the watermark it keeps the event time
SELECT v FROM once_within
=>
Project [v#1]
  Deduplicate [user#2] within watermark
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#2, v#1]

-- EXCEPT reads every column
SELECT user FROM (SELECT user, v FROM clicks EXCEPT SELECT user, v FROM plain)
=>
Project [user#1]
  Except
    Project [user#1, v#2]
      Watermark ts#3 delay 5000000us
        Stream clicks [ts#3, user#1, v#2]
    Project [user#4, v#5]
      Stream plain [user#4, v#5]

-- grouping sets repeat only what is read
SELECT user, count(*) FROM clicks GROUP BY ROLLUP(user, n)
=>
Project [user#1, count(1)#2]
  Aggregate [user#1, n#3, spark_grouping_id#4] [count(1) AS count(1)#2]
    Expand (user#5, n#6, 0), (user#5, NULL, 1), (NULL, NULL, 3) AS [user#1, n#3, spark_grouping_id#4]
      Watermark ts#7 delay 5000000us
        Stream clicks [ts#7, user#5, n#6]
