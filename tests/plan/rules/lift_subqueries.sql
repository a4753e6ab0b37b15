-- what an aggregate asks of a table is a column of its input
SELECT count(*) FILTER (WHERE v IN (SELECT lim FROM limits)) AS n FROM plain
=>
Project [count(1) FILTER (WHERE (v IN (listquery())))#1 AS n#2]
  Aggregate [] [count(1) FILTER asked#3 AS count(1) FILTER (WHERE (v IN (listquery())))#1]
    Project [ts#4, user#5, v#6, exists(Filter (v#6 = lim#7) <- Project [lim#7] <- Table limits [lim#7]) AS asked#3]
      Stream plain [ts#4, user#5, v#6]

-- a join asks on the side that it is about
SELECT p.user FROM plain p LEFT JOIN users u ON p.user = u.user AND EXISTS (SELECT 1 FROM limits WHERE lim > p.v)
=>
Project [user#1]
  Project [ts#2, user#1, v#3, user#4, city#5]
    Join LeftOuter ((user#1 = user#4) AND asked#6)
      Project [ts#2, user#1, v#3, exists(Project [1 AS 1#7] <- Filter (lim#8 > v#3) <- Table limits [lim#8]) AS asked#6]
        Stream plain [ts#2, user#1, v#3]
      Table users [user#4, city#5]

-- a filter and a projection ask themselves
SELECT v, (SELECT max(lim) FROM limits WHERE lim = v) AS most FROM plain WHERE v IN (SELECT lim FROM limits) OR v > 1
=>
Project [v#1, subquery(Project [max(lim)#2] <- Aggregate [] [max(lim#3) AS max(lim)#2] <- Filter (lim#3 = v#1) <- Table limits [lim#3]) AS most#4]
  Filter (exists(Filter (v#1 = lim#5) <- Project [lim#5] <- Table limits [lim#5]) OR (v#1 > 1.0))
    Stream plain [ts#6, user#7, v#1]

-- a query that reads no row around it stays where it is asked
SELECT p.user FROM plain p JOIN users u ON p.user = u.user AND p.v > (SELECT max(lim) FROM limits)
=>
Project [user#1]
  Join Inner ((user#1 = user#2) AND (v#3 > subquery(Project [max(lim)#4] <- Aggregate [] [max(lim#5) AS max(lim)#4] <- Table limits [lim#5])))
    Stream plain [ts#6, user#1, v#3]
    Table users [user#2, city#7]
