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
  Filter between((CASE WHEN like(user#2, '_') THEN v#3 END >= 1.0), (CASE WHEN like(user#2, '_') THEN v#3 END <= 2.0))
    Watermark ts#1 delay 5000000us
      Filter (v#3 > 1.0)
        Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- below a sort
SELECT user FROM (SELECT user, count(*) AS c FROM clicks GROUP BY user ORDER BY user) WHERE user > 'a'
=>
Project [user#1]
  Sort user#1 ASC NULLS FIRST
    Project [user#1, count(1)#2 AS c#3]
      Aggregate [user#1] [count(1) AS count(1)#2]
        Watermark ts#4 delay 5000000us
          Filter (user#1 > 'a')
            Stream clicks [ts#4, user#1, v#5, n#6, xs#7, p#8]

-- below a session, but for what reads it
SELECT session_window.start AS s FROM clicks GROUP BY session_window(ts, '5 seconds'), user HAVING session_window.start > '2024-01-01' AND user = 'a'
=>
Project [session_window#1.start AS s#2]
  Aggregate [session_window#1, user#3] []
    Filter (session_window#1.start > cast('2024-01-01' AS TIMESTAMP))
      Session ts#4 gap 5000000us AS session_window#1
        Watermark ts#4 delay 5000000us
          Filter (user#3 = 'a')
            Stream clicks [ts#4, user#3, v#5, n#6, xs#7, p#8]

-- a semi join with a table, written as a join, stays above the watermark
SELECT v FROM clicks LEFT SEMI JOIN users ON clicks.user = users.user WHERE v > 1
=>
Project [v#1]
  Join LeftSemi (user#2 = user#3)
    Watermark ts#4 delay 5000000us
      Filter (v#1 > 1.0)
        Stream clicks [ts#4, user#2, v#1, n#5, xs#6, p#7]
    Table users [user#3, city#8]

-- IN over a table goes below the watermark
SELECT v FROM clicks WHERE user IN (SELECT user FROM users) AND v > 1
=>
Project [v#1]
  Watermark ts#2 delay 5000000us
    Join LeftSemi (user#3 = user#4)
      Filter (v#1 > 1.0)
        Stream clicks [ts#2, user#3, v#1, n#5, xs#6, p#7]
      Project [user#4]
        Table users [user#4, city#8]

-- IN within an OR is a filter
SELECT v FROM clicks WHERE v > 1 OR user IN (SELECT user FROM users)
=>
Project [v#1]
  Watermark ts#2 delay 5000000us
    Filter ((v#1 > 1.0) OR exists(Filter (user#3 = user#4) <- Project [user#4] <- Table users [user#4, city#5]))
      Stream clicks [ts#2, user#3, v#1, n#6, xs#7, p#8]

-- EXISTS that reads the event time stays above
SELECT v FROM clicks WHERE EXISTS (SELECT 1 FROM limits WHERE lim > unix_timestamp(ts))
=>
Project [v#1]
  Join LeftSemi (lim#2 > cast(unix_timestamp(ts#3) AS DOUBLE))
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#4, v#1, n#5, xs#6, p#7]
    Project [1 AS 1#8, lim#2]
      Table limits [lim#2]

-- an anti join with a table goes into every input of a union, above the watermarks
SELECT * FROM (SELECT k, a FROM l UNION ALL SELECT k, b FROM r) x LEFT ANTI JOIN users ON x.k = users.user
=>
Project [k#1, a#2]
  Union [k#1, a#2]
    Project [k#3, a#4]
      Join LeftAnti (k#3 = user#5)
        Watermark lt#6 delay 5000000us
          Stream l [lt#6, k#3, a#4]
        Table users [user#5, city#7]
    Project [k#8, b#9]
      Join LeftAnti (k#8 = user#5)
        Watermark rt#10 delay 5000000us
          Stream r [rt#10, k#8, b#9]
        Table users [user#5, city#7]

-- an anti join written as a join stays above the filter that stays
SELECT * FROM (SELECT * FROM clicks WHERE ts > '2024-01-01') x LEFT ANTI JOIN users ON x.user = users.user
=>
Project [ts#1, user#2, v#3, n#4, xs#5, p#6]
  Project [ts#1, user#2, v#3, n#4, xs#5, p#6]
    Join LeftAnti (user#2 = user#7)
      Filter (ts#1 > cast('2024-01-01' AS TIMESTAMP))
        Watermark ts#1 delay 5000000us
          Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]
      Table users [user#7, city#8]

-- a semi join below a grouping by its key
SELECT user, c FROM (SELECT user, count(*) AS c FROM clicks GROUP BY user) x LEFT SEMI JOIN users ON x.user = users.user
=>
Project [user#1, c#2]
  Project [user#1, count(1)#3 AS c#2]
    Aggregate [user#1] [count(1) AS count(1)#3]
      Join LeftSemi (user#1 = user#4)
        Watermark ts#5 delay 5000000us
          Stream clicks [ts#5, user#1, v#6, n#7, xs#8, p#9]
        Table users [user#4, city#10]

-- a semi join of two streams stays above a grouping
SELECT user, c FROM (SELECT user, count(*) AS c FROM clicks GROUP BY user) x LEFT SEMI JOIN l ON x.user = l.k
=>
Project [user#1, c#2]
  Project [user#1, count(1)#3 AS c#2]
    Join LeftSemi (user#1 = k#4)
      Aggregate [user#1] [count(1) AS count(1)#3]
        Watermark ts#5 delay 5000000us
          Stream clicks [ts#5, user#1, v#6, n#7, xs#8, p#9]
      Watermark lt#10 delay 5000000us
        Stream l [lt#10, k#4, a#11]

-- a semi join of two streams into the side of a join it tests
SELECT a, b FROM (SELECT l.k, a, b FROM l JOIN r ON l.k = r.k) x LEFT SEMI JOIN clicks ON x.k = clicks.user
=>
Project [a#1, b#2]
  Project [k#3, a#1, b#2]
    Join Inner (k#3 = k#4)
      Join LeftSemi (k#3 = user#5)
        Watermark lt#6 delay 5000000us
          Stream l [lt#6, k#3, a#1]
        Watermark ts#7 delay 5000000us
          Stream clicks [ts#7, user#5, v#8, n#9, xs#10, p#11]
      Watermark rt#12 delay 5000000us
        Stream r [rt#12, k#4, b#2]

-- the right side of a right join takes what WHERE says of it
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k AND a > 1 AND b > 2 WHERE b < 9
=>
Project [a#1, b#2]
  Join RightOuter ((k#3 = k#4) AND (b#2 > 2))
    Watermark lt#5 delay 5000000us
      Filter (a#1 > 1)
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Filter (b#2 < 9)
        Stream r [rt#6, k#4, b#2]

-- WHERE above a semi join is about its left side
SELECT a FROM l LEFT SEMI JOIN r ON l.k = r.k WHERE a > 1
=>
Project [a#1]
  Join LeftSemi (k#2 = k#3)
    Watermark lt#4 delay 5000000us
      Filter (a#1 > 1)
        Stream l [lt#4, k#2, a#1]
    Watermark rt#5 delay 5000000us
      Stream r [rt#5, k#3, b#6]

-- below INTERSECT on the left
SELECT user FROM (SELECT user FROM plain INTERSECT SELECT user FROM users) WHERE user > 'a'
=>
Project [user#1]
  Intersect
    Project [user#1]
      Filter (user#1 > 'a')
        Stream plain [ts#2, user#1, v#3]
    Project [user#4]
      Table users [user#4, city#5]

-- a condition on a global aggregate stays
SELECT count(*) AS c FROM clicks HAVING count(*) > 1 AND 1 > 2
=>
Project [count(1)#1 AS c#2]
  Filter ((count(1)#1 > 1) AND (1 > 2))
    Aggregate [] [count(1) AS count(1)#1]
      Watermark ts#3 delay 5000000us
        Stream clicks [ts#3, user#4, v#5, n#6, xs#7, p#8]

-- a key that is computed goes down as what it is
SELECT upper(user) AS u FROM clicks GROUP BY upper(user) HAVING u = 'A'
=>
Project [upper(user)#1 AS u#2]
  Aggregate [upper(user#3) AS upper(user)#1] []
    Watermark ts#4 delay 5000000us
      Filter (upper(user#3) = 'A')
        Stream clicks [ts#4, user#3, v#5, n#6, xs#7, p#8]

-- a key that is a regular expression is computed below its test
SELECT user RLIKE 'a' AS u FROM clicks GROUP BY user RLIKE 'a' HAVING u
=>
Project [RLIKE(user, a)#1 AS u#2]
  Aggregate [RLIKE(user, a)#1] []
    Filter RLIKE(user, a)#1
      Project [ts#3, user#4, v#5, n#6, xs#7, p#8, rlike(user#4, 'a') AS RLIKE(user, a)#1]
        Watermark ts#3 delay 5000000us
          Stream clicks [ts#3, user#4, v#5, n#6, xs#7, p#8]

-- nullif computes an expensive value once
SELECT ts FROM clicks WHERE nullif(CASE WHEN user LIKE '_' THEN v END, 1) > 0
=>
Project [ts#1]
  Filter (nullif(CASE WHEN like(user#2, '_') THEN v#3 END, 1.0) > 0.0)
    Watermark ts#1 delay 5000000us
      Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- array_join is computed once
SELECT ts FROM (SELECT ts, array_join(array(user), '-') AS j FROM clicks) WHERE j = 'a'
=>
Project [ts#1]
  Filter (j#2 = 'a')
    Project [ts#1, array_join(array(user#3), '-') AS j#2]
      Watermark ts#1 delay 5000000us
        Stream clicks [ts#1, user#3, v#4, n#5, xs#6, p#7]

-- LIKE with an escape in it, or of a column, is expensive
SELECT ts FROM (SELECT ts, user LIKE '\\_a%' AS a, user LIKE upper(user) AS b, user ILIKE 'a%' AS c FROM clicks) WHERE a AND b AND c
=>
Project [ts#1]
  Filter (a#2 AND b#3)
    Project [ts#1, like(user#4, '\_a%') AS a#2, like(user#4, upper(user#4)) AS b#3, ilike(user#4, 'a%') AS c#5]
      Watermark ts#1 delay 5000000us
        Filter ilike(user#4, 'a%')
          Stream clicks [ts#1, user#4, v#6, n#7, xs#8, p#9]

-- a filter of a filter is one
SELECT ts FROM (SELECT ts, v FROM (SELECT * FROM clicks WHERE user = 'a') WHERE v > 1) WHERE v < 9
=>
Project [ts#1]
  Project [ts#1, v#2]
    Project [ts#1, user#3, v#2, n#4, xs#5, p#6]
      Watermark ts#1 delay 5000000us
        Filter (((user#3 = 'a') AND (v#2 > 1.0)) AND (v#2 < 9.0))
          Stream clicks [ts#1, user#3, v#2, n#4, xs#5, p#6]

-- grouping sets keep conditions on what they repeat
SELECT user, count(*) AS c FROM clicks GROUP BY ROLLUP(user) HAVING user = 'a'
=>
Project [user#1, count(1)#2 AS c#3]
  Aggregate [user#1, spark_grouping_id#4] [count(1) AS count(1)#2]
    Filter (user#1 = 'a')
      Expand (ts#5, user#6, v#7, n#8, xs#9, p#10, user#6, 0), (ts#5, user#6, v#7, n#8, xs#9, p#10, NULL, 1) AS [ts#5, user#6, v#7, n#8, xs#9, p#10, user#1, spark_grouping_id#4]
        Watermark ts#5 delay 5000000us
          Stream clicks [ts#5, user#6, v#7, n#8, xs#9, p#10]

-- nothing goes through code over groups
SELECT user FROM totals WHERE user = 'a'
=>
Project [user#1]
  Filter (user#1 = 'a')
    flatMapGroupsWithState tests:nothing by [user#2], append, timeout none AS [ts#3, user#1]
      Watermark ts#4 delay 5000000us
        Stream clicks [ts#4, user#2, v#5, n#6, xs#7, p#8]

-- an AND within a condition both of whose parts are computed once
SELECT ts FROM clicks WHERE (nullif(array_join(array(user), '-'), 'a') = 'b' AND nullif(array_join(array(user), '-'), 'c') = 'd') IS TRUE
=>
Project [ts#1]
  Filter is_true(((nullif(array_join(array(user#2), '-'), 'a') = 'b') AND (nullif(array_join(array(user#2), '-'), 'c') = 'd')))
    Watermark ts#1 delay 5000000us
      Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- two comparisons of something expensive are not BETWEEN
SELECT ts FROM clicks WHERE CASE WHEN user LIKE '_' THEN v END >= 1 AND CASE WHEN user LIKE '_' THEN v END <= 2
=>
Project [ts#1]
  Watermark ts#1 delay 5000000us
    Filter ((CASE WHEN like(user#2, '_') THEN v#3 END >= 1.0) AND (CASE WHEN like(user#2, '_') THEN v#3 END <= 2.0))
      Stream clicks [ts#1, user#2, v#3, n#4, xs#5, p#6]

-- several patterns are cheap
SELECT ts FROM (SELECT ts, user LIKE ANY ('a_', '_b', 'c%') AS a, user NOT LIKE ALL ('a_', 'b') AS b, user ILIKE ANY ('_') AS c, user NOT ILIKE ANY ('_', 'a') AS d FROM clicks) WHERE a AND b AND c AND d
=>
Project [ts#1]
  Project [ts#1, (like(user#2, 'c%') OR like_any(user#2, 'a_', '_b')) AS a#3, (not(like(user#2, 'b')) AND not(like_any(user#2, 'a_'))) AS b#4, like_any(lower(user#2), lower('_')) AS c#5, (not(ilike(user#2, 'a')) OR not(like_all(lower(user#2), lower('_')))) AS d#6]
    Watermark ts#1 delay 5000000us
      Filter ((((like(user#2, 'c%') OR like_any(user#2, 'a_', '_b')) AND (not(like(user#2, 'b')) AND not(like_any(user#2, 'a_')))) AND like_any(lower(user#2), lower('_'))) AND (not(ilike(user#2, 'a')) OR not(like_all(lower(user#2), lower('_')))))
        Stream clicks [ts#1, user#2, v#7, n#8, xs#9, p#10]

-- a condition of ON without columns decides about the left side, where its rows may go
SELECT a, b FROM l JOIN r ON l.k = r.k AND 1 > 2
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Filter (1 > 2)
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- of a semi join with a table too
SELECT v FROM clicks LEFT SEMI JOIN users ON 1 > 2
=>
Project [v#1]
  Join LeftSemi (1 > 2)
    Watermark ts#2 delay 5000000us
      Filter (1 > 2)
        Stream clicks [ts#2, user#3, v#1, n#4, xs#5, p#6]
    Table users [user#7, city#8]

-- the rows of a left join come out whatever it says
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND 1 > 2
=>
Project [a#1, b#2]
  Join LeftOuter ((k#3 = k#4) AND (1 > 2))
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- and so do those of an anti join
SELECT v FROM clicks LEFT ANTI JOIN users ON 1 > 2
=>
Project [v#1]
  Join LeftAnti (1 > 2)
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#3, v#1, n#4, xs#5, p#6]
    Table users [user#7, city#8]
