-- a condition that null fails makes a left join inner
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE b > 1
=>
Project [a#1, b#2]
  Filter (b#2 > 1)
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- IS NULL keeps it
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE b IS NULL
=>
Project [a#1, b#2]
  Filter is_null(b#2)
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- coalesce keeps it
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE coalesce(b, 2) > 1
=>
Project [a#1, b#2]
  Filter (coalesce(b#2, 2) > 1)
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a full join with one side needed is a left join
SELECT a, b FROM l FULL JOIN r ON l.k = r.k WHERE a > 1
=>
Project [a#1, b#2]
  Filter (a#1 > 1)
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a full join with the other side needed is a right join
SELECT a, b FROM l FULL JOIN r ON l.k = r.k WHERE b IS NOT NULL
=>
Project [a#1, b#2]
  Filter is_not_null(b#2)
    Join RightOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a full join with both needed is inner
SELECT a, b FROM l FULL JOIN r ON l.k = r.k WHERE a > 1 AND b > 1
=>
Project [a#1, b#2]
  Filter ((a#1 > 1) AND (b#2 > 1))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a right join whose left is needed is inner
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k WHERE a IN (1, 2)
=>
Project [a#1, b#2]
  Filter in(a#1, 1, 2)
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- an OR is needed in both its parts
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE b > 1 OR b IS NULL
=>
Project [a#1, b#2]
  Filter ((b#2 > 1) OR is_null(b#2))
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- COALESCE, CASE and IF are worked out for a row of nulls
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE coalesce(b, 0) > 1 AND if(b IS NULL, a > 1, true)
=>
Project [a#1, b#2]
  Filter ((coalesce(b#2, 0) > 1) AND if(is_null(b#2), (a#1 > 1), true))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a value for null rows that makes the condition true keeps them
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE CASE WHEN b IS NULL THEN 1 ELSE 0 END = 1 AND (b <=> NULL OR coalesce(b, 5) > 1)
=>
Project [a#1, b#2]
  Filter ((CASE WHEN is_null(b#2) THEN 1 ELSE 0 END = 1) AND ((b#2 <=> NULL) OR (coalesce(b#2, 5) > 1)))
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a left join with both needed is inner
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE a > 1 AND b > 1
=>
Project [a#1, b#2]
  Filter ((a#1 > 1) AND (b#2 > 1))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a right join with both needed is inner
SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k WHERE a > 1 AND b > 1
=>
Project [a#1, b#2]
  Filter ((a#1 > 1) AND (b#2 > 1))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a left join whose left is needed stays
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE a > 1
=>
Project [a#1, b#2]
  Filter (a#1 > 1)
    Join LeftOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- a condition on both sides tells of none
SELECT a, b FROM l FULL JOIN r ON l.k = r.k WHERE a > b
=>
Project [a#1, b#2]
  Filter (a#1 > b#2)
    Join FullOuter (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- an inner join is what it is
SELECT a, b FROM l JOIN r ON l.k = r.k WHERE b > 1
=>
Project [a#1, b#2]
  Filter (b#2 > 1)
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- NOT, IS TRUE and <=> for a row of nulls
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE NOT b > 1 AND b IS NOT NULL IS TRUE
=>
Project [a#1, b#2]
  Filter (not((b#2 > 1)) AND is_true(is_not_null(b#2)))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- IF, CASE, <=> and AND OR of what is NULL
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE if(b > 1, false, b IS NULL AND b > 2)
=>
Project [a#1, b#2]
  Filter if((b#2 > 1), false, (is_null(b#2) AND (b#2 > 2)))
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- CASE with no branch for a row of nulls is NULL
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE CASE WHEN b > 1 THEN true END
=>
Project [a#1, b#2]
  Filter CASE WHEN (b#2 > 1) THEN true END
    Join Inner (k#3 = k#4)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#3, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#4, b#2]

-- what is not worked out may be true
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE CASE WHEN concat_ws(',', r.k) = '' THEN true END AND (b <=> 1 OR concat_ws(',', r.k) = '')
=>
Project [a#1, b#2]
  Filter (CASE WHEN (concat_ws(',', k#3) = '') THEN true END AND ((b#2 <=> 1) OR (concat_ws(',', k#3) = '')))
    Join LeftOuter (k#4 = k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#4, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#3, b#2]

-- an OR and an AND with it reject where one part does
SELECT a, b FROM l LEFT JOIN r ON l.k = r.k WHERE b > 1 AND (b > 2 OR b > 3) OR (b > 1 AND concat_ws(',', r.k) = '')
=>
Project [a#1, b#2]
  Filter (((b#2 > 1) AND ((b#2 > 2) OR (b#2 > 3))) OR ((b#2 > 1) AND (concat_ws(',', k#3) = '')))
    Join Inner (k#4 = k#3)
      Watermark lt#5 delay 5000000us
        Stream l [lt#5, k#4, a#1]
      Watermark rt#6 delay 5000000us
        Stream r [rt#6, k#3, b#2]

-- a field and a cast of NULL are NULL
SELECT a, b FROM l LEFT JOIN (SELECT k, b, struct(b AS c) AS s FROM r) r ON l.k = r.k WHERE CAST(s.c AS STRING) = '1'
=>
Project [a#1, b#2]
  Filter (cast(s#3.c AS STRING) = '1')
    Join Inner (k#4 = k#5)
      Watermark lt#6 delay 5000000us
        Stream l [lt#6, k#4, a#1]
      Project [k#5, b#2, named_struct('c', b#2) AS s#3]
        Watermark rt#7 delay 5000000us
          Stream r [rt#7, k#5, b#2]
