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

-- a table gives only what is read
SELECT v FROM clicks JOIN users ON clicks.user = users.user
=>
Project [v#1]
  Join Inner (user#2 = user#3)
    Project [user#2, v#1]
      Watermark ts#4 delay 5000000us
        Stream clicks [ts#4, user#2, v#1]
    Table users [user#3]

-- what a generator makes and reads
SELECT x FROM clicks LATERAL VIEW explode(xs) AS x
=>
Project [x#1]
  Generate explode(xs#2) AS [x#1]
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, xs#2]

-- an aggregate without keys keeps one of its values
SELECT 1 AS one FROM (SELECT count(*) AS c, max(v) AS m FROM clicks)
=>
Project [1 AS one#1]
  Project [count(1)#2 AS c#3]
    Aggregate [] [count(1) AS count(1)#2]
      Watermark ts#4 delay 5000000us
        Stream clicks [ts#4]

-- a projection of which nothing is read keeps its first column
SELECT count(*) AS c FROM (SELECT upper(user) AS u, v + 1 AS w FROM plain)
=>
Project [count(1)#1 AS c#2]
  Aggregate [] [count(1) AS count(1)#1]
    Project [upper(user#3) AS u#4]
      Stream plain [user#3]

-- a union of which nothing is read keeps its first column
SELECT count(*) AS c FROM (SELECT k, a FROM l UNION ALL SELECT k, b FROM r)
=>
Project [count(1)#1 AS c#2]
  Aggregate [] [count(1) AS count(1)#1]
    Union [k#3]
      Project [k#4]
        Watermark lt#5 delay 5000000us
          Stream l [lt#5, k#4]
      Project [k#6]
        Watermark rt#7 delay 5000000us
          Stream r [rt#7, k#6]

-- code over groups reads every column
SELECT user FROM totals
=>
Project [user#1]
  flatMapGroupsWithState tests:nothing by [user#2], append, timeout none AS [ts#3, user#1]
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#2, v#5, n#6, xs#7, p#8]

-- grouping sets of which nothing is read
SELECT count(*) AS c FROM (SELECT user, n FROM clicks GROUP BY CUBE(user, n))
=>
Project [count(1)#1 AS c#2]
  Aggregate [] [count(1) AS count(1)#1]
    Project [user#3]
      Aggregate [user#3, n#4, spark_grouping_id#5] []
        Expand (user#6, n#7, 0), (user#6, NULL, 1), (NULL, n#7, 2), (NULL, NULL, 3) AS [user#3, n#4, spark_grouping_id#5]
          Watermark ts#8 delay 5000000us
            Stream clicks [ts#8, user#6, n#7]

-- a limit reads what is read above it
SELECT user FROM (SELECT * FROM clicks LIMIT 3)
=>
Project [user#1]
  Limit 3
    Project [user#1]
      Watermark ts#2 delay 5000000us
        Stream clicks [ts#2, user#1]

-- within a watermark that is not there nothing is kept for it
SELECT user FROM plain_within
=>
Project [user#1]
  Deduplicate [user#1] within watermark
    Stream plain [user#1]
