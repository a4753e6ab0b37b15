-- keys of an inner join are not null on both sides
SELECT a, b FROM l JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a left join filters its right side only
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join LeftOuter (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a right join filters its left side only
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join RightOuter (k#3 = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- a full join filters nothing
SELECT a, b FROM l FULL JOIN r ON l.k = r.k
=>
Project [a#1, b#2]
  Join FullOuter (k#3 = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- null-safe keys may be null
SELECT a, b FROM l JOIN r ON l.k <=> r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 <=> k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Watermark rt#6 delay 5000000us
      Stream r [rt#6, k#4, b#2]

-- what is known of one key is known of the other
SELECT a, b FROM (SELECT * FROM l WHERE k <> 'c') x JOIN r ON x.k = r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Project [lt#5, k#3, a#1]
      Filter (k#3 <> 'c')
        Watermark lt#5 delay 5000000us
          Stream l [lt#5, k#3, a#1]
    Filter (k#4 <> 'c')
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- times of a range are not null, above the watermark
SELECT a, b FROM l JOIN r ON l.k = r.k AND rt BETWEEN lt AND lt + INTERVAL 10 SECONDS
=>
Project [a#1, b#2]
  Join Inner ((k#3 = k#4) AND ((rt#5 >= lt#6) AND (rt#5 <= (lt#6 + 10000000us))))
    Filter (is_not_null(k#3) AND is_not_null(lt#6))
      Watermark lt#6 delay 5000000us
        Stream l [lt#6, k#3, a#1]
    Filter (is_not_null(k#4) AND is_not_null(rt#5))
      Watermark rt#5 delay 5000000us
        Stream r [rt#5, k#4, b#2]

-- a function that passes null on tells of its column
SELECT a, b FROM l JOIN r ON upper(l.k) = r.k
=>
Project [a#1, b#2]
  Join Inner (upper(k#3) = k#4)
    Filter is_not_null(k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- coalesce tells nothing
SELECT a, b FROM l JOIN r ON coalesce(l.k, 'x') = r.k
=>
Project [a#1, b#2]
  Join Inner (coalesce(k#3, 'x') = k#4)
    Watermark lt#5 delay 5000000us
      Stream l [lt#5, k#3, a#1]
    Filter is_not_null(k#4)
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- NOT IN is left alone
SELECT v FROM clicks WHERE user NOT IN (SELECT user FROM users)
=>
Project [v#1]
  Join LeftAnti null-aware (user#2 = user#3)
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#2, v#1, n#5, xs#6, p#7]
    Project [user#3]
      Table users [user#3, city#8]

-- what explode reads is not empty
SELECT explode(xs) AS x FROM clicks
=>
Project [x#1]
  Generate explode(xs#2) AS [x#1]
    Filter (size(xs#2) > 0)
      Watermark ts#3 delay 5000000us
        Stream clicks [ts#3, user#4, v#5, n#6, xs#2, p#7]

-- explode_outer keeps rows without elements
SELECT explode_outer(xs) AS x FROM clicks
=>
Project [x#1]
  Generate outer explode(xs#2) AS [x#1]
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#4, v#5, n#6, xs#2, p#7]

-- nor does posexplode make rows of an empty array
SELECT user, x FROM clicks LATERAL VIEW posexplode(xs) AS i, x
=>
Project [user#1, x#2]
  Generate posexplode(xs#3) AS [i#4, x#2]
    Filter (size(xs#3) > 0)
      Watermark ts#5 delay 5000000us
        Stream clicks [ts#5, user#1, v#6, n#7, xs#3, p#8]

-- an array that is computed is not asked for its size
SELECT explode(array(n, n + 1)) AS x FROM clicks
=>
Project [x#1]
  Generate explode(array(n#2, (n#2 + 1))) AS [x#1]
    Watermark ts#3 delay 5000000us
      Stream clicks [ts#3, user#4, v#5, n#2, xs#6, p#7]

-- an array whose size is tested already is not tested again
SELECT explode(xs) AS x FROM (SELECT * FROM clicks WHERE size(xs) > 0)
=>
Project [x#1]
  Generate explode(xs#2) AS [x#1]
    Project [ts#3, user#4, v#5, n#6, xs#2, p#7]
      Filter (size(xs#2) > 0)
        Watermark ts#3 delay 5000000us
          Stream clicks [ts#3, user#4, v#5, n#6, xs#2, p#7]

-- a condition with the event time leaves the test for null of the other columns
SELECT user FROM clicks WHERE date_add(ts, n) > DATE'2024-01-01'
=>
Project [user#1]
  Filter ((date_add(cast(ts#2 AS DATE), n#3) > cast('2024-01-01' AS DATE)) AND is_not_null(n#3))
    Watermark ts#2 delay 5000000us
      Stream clicks [ts#2, user#1, v#4, n#3, xs#5, p#6]

-- a condition on a count and a key tells that the key is not null
SELECT user, n FROM clicks GROUP BY user, n HAVING count(*) > n
=>
Project [user#1, n#2]
  Filter ((count(...)#3 > cast(n#2 AS BIGINT)) AND is_not_null(n#2))
    Aggregate [user#1, n#2] [count(1) AS count(...)#3]
      Watermark ts#4 delay 5000000us
        Stream clicks [ts#4, user#1, v#5, n#2, xs#6, p#7]

-- one on both sides of a left join tells of the left
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE a > coalesce(b, 1)
=>
Project [a#1, b#2]
  Filter ((a#1 > coalesce(b#2, 1)) AND is_not_null(a#1))
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Filter is_not_null(k#4)
        Watermark rt#6 delay 5000000us
          Stream r [rt#6, k#4, b#2]

-- one on both sides of a right join tells of the right
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k WHERE b > coalesce(a, 1)
=>
Project [a#1, b#2]
  Filter ((b#2 > coalesce(a#1, 1)) AND is_not_null(b#2))
    Join RightOuter (k#3 = k#4)
      Filter is_not_null(k#3)
        Watermark lt#5 delay 5000000us
          Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- one on what is exploded and another column tells of the other
SELECT x FROM clicks LATERAL VIEW explode(xs) AS x WHERE x > n
=>
Project [x#1]
  Filter ((x#1 > n#2) AND is_not_null(n#2))
    Generate explode(xs#3) AS [x#1]
      Filter (size(xs#3) > 0)
        Watermark ts#4 delay 5000000us
          Stream clicks [ts#4, user#5, v#6, n#2, xs#3, p#7]

-- a semi join filters both its sides
SELECT a FROM l LEFT SEMI JOIN r ON l.k = r.k
=>
Project [a#1]
  Join LeftSemi (k#2 = k#3)
    Filter is_not_null(k#2)
      Watermark lt#4 delay 5000000us
        Stream l [lt#4, k#2, a#1]
    Filter is_not_null(k#3)
      Watermark rt#5 delay 5000000us
        Stream r [rt#5, k#3, b#6]

-- an anti join filters what it takes away
SELECT v FROM plain LEFT ANTI JOIN users ON plain.user = users.user
=>
Project [v#1]
  Join LeftAnti (user#2 = user#3)
    Stream plain [ts#4, user#2, v#1]
    Filter is_not_null(user#3)
      Table users [user#3, city#5]

-- keys of floating point say nothing
SELECT c.user FROM clicks c JOIN limits ON v = lim
=>
Project [user#1]
  Join Inner (v#2 = lim#3)
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#1, v#2, n#5, xs#6, p#7]
    Table limits [lim#3]

-- a constant on one side is told to the other
SELECT a, b FROM (SELECT * FROM l WHERE k = 'x') x JOIN r ON x.k = r.k
=>
Project [a#1, b#2]
  Join Inner (k#3 = k#4)
    Project [lt#5, k#3, a#1]
      Filter (k#3 = 'x')
        Watermark lt#5 delay 5000000us
          Stream l [lt#5, k#3, a#1]
    Filter (k#4 = 'x')
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a query over a table only is left alone
SELECT user FROM users WHERE user > 'a'
=>
Project [user#1]
  Filter (user#1 > 'a')
    Table users [user#1, city#2]

-- a sum that is NULL without a match needs the column it is matched by
SELECT user FROM clicks WHERE (SELECT sum(lim) FROM limits WHERE lim = n) > ts::DOUBLE
=>
Project [user#1]
  Filter ((subquery(Project [sum(lim)#2] <- Aggregate [] [sum(lim#3) AS sum(lim)#2] <- Filter (lim#3 = cast(n#4 AS DOUBLE)) <- Table limits [lim#3]) > cast(ts#5 AS DOUBLE)) AND is_not_null(n#4))
    Watermark ts#5 delay 5000000us
      Stream clicks [ts#5, user#1, v#6, n#4, xs#7, p#8]

-- a count is never NULL
SELECT user FROM clicks WHERE (SELECT count(*) FROM limits WHERE lim = n) > ts::DOUBLE
=>
Project [user#1]
  Filter (cast(subquery(Project [count(1)#2] <- Aggregate [] [count(1) AS count(1)#2] <- Filter (lim#3 = cast(n#4 AS DOUBLE)) <- Table limits [lim#3]) AS DOUBLE) > cast(ts#5 AS DOUBLE))
    Watermark ts#5 delay 5000000us
      Stream clicks [ts#5, user#1, v#6, n#4, xs#7, p#8]

-- what is known of a join is known above it
SELECT a FROM (SELECT l.k, a FROM l JOIN r ON l.k = r.k WHERE b > 1) x JOIN users ON x.k = users.user
=>
Project [a#1]
  Join Inner (k#2 = user#3)
    Filter is_not_null(k#2)
      Project [k#2, a#1]
        Filter (b#4 > 1)
          Join Inner (k#2 = k#5)
            Filter is_not_null(k#2)
              Watermark lt#6 delay 5000000us
                Stream l [lt#6, k#2, a#1]
            Filter is_not_null(k#5)
              Watermark rt#7 delay 5000000us
                Stream r [rt#7, k#5, b#4]
    Filter is_not_null(user#3)
      Table users [user#3, city#8]

-- and of a semi join
SELECT a FROM (SELECT l.k, a FROM l LEFT SEMI JOIN r ON l.k = r.k) x JOIN users ON x.k = users.user
=>
Project [a#1]
  Join Inner (k#2 = user#3)
    Filter is_not_null(k#2)
      Project [k#2, a#1]
        Join LeftSemi (k#2 = k#4)
          Filter is_not_null(k#2)
            Watermark lt#5 delay 5000000us
              Stream l [lt#5, k#2, a#1]
          Filter is_not_null(k#4)
            Watermark rt#6 delay 5000000us
              Stream r [rt#6, k#4, b#7]
    Filter is_not_null(user#3)
      Table users [user#3, city#8]

-- of a right join its right side
SELECT a FROM (SELECT r.k, a FROM l RIGHT JOIN (SELECT * FROM r WHERE k > 'b') r ON l.k = r.k) x JOIN users ON x.k = users.user
=>
Project [a#1]
  Join Inner (k#2 = user#3)
    Project [k#2, a#1]
      Join RightOuter (k#4 = k#2)
        Filter (k#4 > 'b')
          Watermark lt#5 delay 5000000us
            Stream l [lt#5, k#4, a#1]
        Project [rt#6, k#2, b#7]
          Filter (k#2 > 'b')
            Watermark rt#6 delay 5000000us
              Stream r [rt#6, k#2, b#7]
    Filter (user#3 > 'b')
      Table users [user#3, city#8]

-- nothing is known of a full join nor of a union
SELECT x.k FROM (SELECT l.k FROM (SELECT * FROM l WHERE k > 'b') l FULL JOIN r ON l.k = r.k) x LEFT JOIN (SELECT k FROM r WHERE k > 'c' UNION ALL SELECT user FROM users) y ON x.k = y.k
=>
Project [k#1]
  Join LeftOuter (k#1 = k#2)
    Project [k#1]
      Join FullOuter (k#1 = k#3)
        Project [lt#4, k#1, a#5]
          Filter (k#1 > 'b')
            Watermark lt#4 delay 5000000us
              Stream l [lt#4, k#1, a#5]
        Watermark rt#6 delay 5000000us
          Stream r [rt#6, k#3, b#7]
    Filter is_not_null(k#2)
      Union [k#2]
        Project [k#8]
          Filter (k#8 > 'c')
            Watermark rt#9 delay 5000000us
              Stream r [rt#9, k#8, b#10]
        Project [user#11]
          Table users [user#11, city#12]

-- keys that hold floating point say nothing either
SELECT c.user FROM clicks c JOIN limits ON array(v) = array(lim) AND struct(v AS x) = struct(lim AS x)
=>
Project [user#1]
  Join Inner ((array(v#2) = array(lim#3)) AND (named_struct('x', v#2) = named_struct('x', lim#3)))
    Watermark ts#4 delay 5000000us
      Stream clicks [ts#4, user#1, v#2, n#5, xs#6, p#7]
    Table limits [lim#3]

-- a sum beside a constant may be there without a match
SELECT user FROM clicks WHERE (SELECT coalesce(sum(lim), 0) FROM limits WHERE lim = n) > ts::DOUBLE
=>
Project [user#1]
  Filter (subquery(Project [coalesce(sum(...)#2, 0.0) AS coalesce(sum(lim), 0)#3] <- Aggregate [] [sum(lim#4) AS sum(...)#2] <- Filter (lim#4 = cast(n#5 AS DOUBLE)) <- Table limits [lim#4]) > cast(ts#6 AS DOUBLE))
    Watermark ts#6 delay 5000000us
      Stream clicks [ts#6, user#1, v#7, n#5, xs#8, p#9]
