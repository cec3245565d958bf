namespace Lur;

internal static partial class Sequences
{
    public static IEnumerable<int> Range(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Numbers(first, count);
    }

    // The check stands outside, where it is made at once.
    private static IEnumerable<int> Numbers(int first, int count)
    {
        for (var i = 0; i < count; i++)
            yield return first + i;
    }

    /// <summary>An array of values. What a compiler makes of "[.. values]" is Enumerable.ToArray, of which a program that is compiled ahead
    /// of time has one for each type of value, with a pool of arrays: 6 kB each in liblur.</summary>
    public static T[] ToValues<T>(this IEnumerable<T> source)
        where T : struct => new List<T>(source).ToArray();

    public static IEnumerable<T> Repeat<T>(T item, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Numbers(0, count).Select(_ => item);
    }

    public static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)
    {
        var i = 0;
        foreach (var item in source)
            if (predicate(item, i++))
                yield return item;
    }

    public static IEnumerable<(int Index, T Item)> Index<T>(this IEnumerable<T> source) => source.Select((item, i) => (i, item));

    public static IEnumerable<T> OfType<T>(this IEnumerable<object?> source)
    {
        foreach (var item in source)
            if (item is T of)
                yield return of;
    }

    public static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)
        where T : struct => source.DefaultIfEmpty(default);

    public static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T instead)
    {
        var empty = true;
        foreach (var item in source)
        {
            empty = false;
            yield return item;
        }

        if (empty)
            yield return instead;
    }

    public static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)
    {
        var items = new List<T>(source);
        for (var i = items.Count - 1; i >= 0; i--)
            yield return items[i];
    }

    public static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)
    {
        var items = new List<T>(source);
        for (var i = 0; i < items.Count - Math.Max(count, 0); i++)
            yield return items[i];
    }

    public static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)
    {
        foreach (var item in source)
        {
            if (!predicate(item))
                yield break;
            yield return item;
        }
    }

    public static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T>? comparer = null) =>
        source.DistinctBy(item => item, comparer);

    public static IEnumerable<T> DistinctBy<T, TKey>(
        this IEnumerable<T> source,
        Func<T, TKey> key,
        IEqualityComparer<TKey>? comparer = null
    )
    {
        var seen = new HashSet<TKey>(comparer);
        foreach (var item in source)
            if (seen.Add(key(item)))
                yield return item;
    }

    public static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second) => first.Concat(second).Distinct();

    public static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T>? comparer = null)
    {
        var taken = new HashSet<T>(second, comparer);
        foreach (var item in first)
            if (taken.Add(item))
                yield return item;
    }

    public static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)
    {
        var both = new HashSet<T>(second);
        foreach (var item in first)
            if (both.Remove(item))
                yield return item;
    }

    public static IEnumerable<Group<TKey, T>> GroupBy<T, TKey>(this IEnumerable<T> source, Func<T, TKey> key)
        where TKey : notnull
    {
        var groups = new Dictionary<TKey, Group<TKey, T>>();
        var order = new List<Group<TKey, T>>();
        foreach (var item in source)
        {
            var of = key(item);
            if (!groups.TryGetValue(of, out var group))
            {
                groups.Add(of, group = new(of));
                order.Add(group);
            }

            group.Add(item);
        }

        return order;
    }

    public static IEnumerable<KeyValuePair<TKey, int>> CountBy<T, TKey>(
        this IEnumerable<T> source,
        Func<T, TKey> key,
        IEqualityComparer<TKey>? comparer = null
    )
        where TKey : notnull
    {
        var counts = new Dictionary<TKey, int>(comparer);
        foreach (var item in source)
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(counts, key(item), out _)++;
        return counts;
    }

    /// <summary>Two <c>from</c> of a query.</summary>
    public static IEnumerable<TResult> SelectMany<T, TInner, TResult>(
        this IEnumerable<T> source,
        Func<T, IEnumerable<TInner>> selector,
        Func<T, TInner, TResult> result
    )
    {
        foreach (var item in source)
        foreach (var inner in selector(item))
            yield return result(item, inner);
    }
}

/// <summary>Elements with one key, in the order in which they came.</summary>
/// <typeparam name="TKey">Type of the key.</typeparam>
/// <typeparam name="T">Type of the elements.</typeparam>
/// <param name="key">The key.</param>
internal sealed class Group<TKey, T>(TKey key) : IEnumerable<T>
{
    private readonly List<T> _items = [];

    /// <summary>The key.</summary>
    public TKey Key => key;

    /// <summary>Adds an element.</summary>
    public void Add(T item) => _items.Add(item);

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _items.GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}
