namespace CloudTab.DevHost.Dashboard;

/// <summary>The last so many items, each known by a number that counts on; the oldest makes room for the newest.</summary>
internal sealed class Ring<T>(int capacity)
{
    private readonly T[] _items = new T[capacity];

    /// <summary>The number of the oldest item that is still there.</summary>
    public long First => Math.Max(0, Next - capacity);

    /// <summary>The number that the next item gets; also how many there have been.</summary>
    public long Next { get; private set; }

    public int Count => (int)(Next - First);

    public bool IsFull => Next >= capacity;

    public T this[long number] => _items[number % capacity];

    public void Add(T item) => _items[Next++ % capacity] = item;
}
