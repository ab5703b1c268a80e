namespace CloudTab.DevHost;

/// <summary>The lines of all resources on one terminal, each behind its resource's name.</summary>
internal sealed class Terminal(TextWriter writer)
{
    /// <summary>ANSI foreground colours that can be told apart on dark and on light ground.</summary>
    private static readonly int[] Colours = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

    private readonly Lock _lock = new();
    private readonly bool _coloured = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private readonly Dictionary<string, int> _order = new(StringComparer.Ordinal);
    private int _width;

    /// <summary>Names the resources beforehand, so that their lines are aligned from the first.</summary>
    public void Align(IEnumerable<string> names)
    {
        lock (_lock)
        {
            foreach (var name in names)
                Order(name);
        }
    }

    public void Write(string name, string line)
    {
        lock (_lock)
        {
            var colour = Colours[Order(name) % Colours.Length];
            var prefix = name.PadRight(_width) + " | ";
            writer.WriteLine(_coloured ? $"\e[{colour}m{prefix}\e[0m{line}" : prefix + line);
        }
    }

    /// <summary>A line of the application as a whole.</summary>
    public void Write(string line)
    {
        lock (_lock)
            writer.WriteLine(line);
    }

    private int Order(string name)
    {
        if (_order.TryGetValue(name, out var order))
            return order;
        _width = Math.Max(_width, name.Length);
        return _order[name] = _order.Count;
    }
}
