using System.Globalization;
using System.Text.RegularExpressions;

namespace CloudTab.PrintAgent;

/// <summary>A printer that says of itself that it is there.</summary>
/// <param name="Address">As <see cref="PrinterSetting"/> reads it. The host is a name: its number may be another one tomorrow.</param>
/// <param name="Name">For a person.</param>
internal sealed record FoundPrinter(string Address, string Name);

/// <summary>
/// Looks for printers that speak IPP by DNS-SD (RFC 6763; Bonjour Printing Specification 1.2.1). Queues that another PC shares are left out:
/// their printers are there themselves. Anybody in the network can say to be a printer, so that a person decides, or the first start.
/// </summary>
internal static partial class PrinterSearch
{
    private const int Most = 50;
    private const int LongestName = 100;

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    // Those with an encrypted connection first: a printer that has both is taken by it.
    private static readonly (string Service, string Scheme)[] Services = [("_ipps._tcp.local.", "ipps"), ("_ipp._tcp.local.", "ipp")];

    /// <summary>Searches for 2 s.</summary>
    public static async Task<IReadOnlyList<FoundPrinter>> RunAsync(TimeProvider clock, CancellationToken cancellationToken)
    {
        var records = new List<DnsRecord>();
        var questions = Services.Select(one => (one.Service, DnsType.Ptr)).ToList();
        await AskAsync();
        // What an answer left out is asked for; and who did not hear the first question is asked again.
        var known = ByName(records);
        var silent = Instances(records).SelectMany(one => (DnsType[])[DnsType.Srv, DnsType.Txt], (one, type) => (one.Instance, type))
            .Where(one => Find(known, one.Instance, one.type) is null);
        questions.AddRange(silent.Take(Most));
        await AskAsync();
        return Read(records);

        Task AskAsync() => MulticastDns.AskAsync(questions, heard =>
        {
            records.AddRange(heard);
            return false;
        }, Round, clock, cancellationToken);
    }

    /// <summary>The printers that answers tell of, by their names.</summary>
    public static IReadOnlyList<FoundPrinter> Read(IReadOnlyList<DnsRecord> records)
    {
        var known = ByName(records);
        return
        [
            .. Instances(records).Select(one => (Label: DnsMessage.Labels(one.Instance)[0], Printer: ReadOne(known, one.Instance, one.Scheme)))
                .Where(one => one.Printer is not null).DistinctBy(one => one.Label, StringComparer.OrdinalIgnoreCase)
                .Select(one => one.Printer!).DistinctBy(one => one.Address, StringComparer.Ordinal).OrderBy(one => one.Name, StringComparer.Ordinal).Take(Most),
        ];
    }

    // Answers may name a hundred thousand instances: none of them is looked for in all records.
    private static ILookup<string, DnsRecord> ByName(IReadOnlyList<DnsRecord> records) => records.ToLookup(record => record.Name.TrimEnd('.'), StringComparer.OrdinalIgnoreCase);

    private static IEnumerable<(string Instance, string Scheme)> Instances(IReadOnlyList<DnsRecord> records) => Services.SelectMany(
        one => records.Where(record => record.Type == DnsType.Ptr && MulticastDns.IsSame(record.Name, one.Service) && DnsMessage.Labels(record.Target!).Count > 1)
            .Select(record => record.Target!).Distinct(StringComparer.OrdinalIgnoreCase),
        (one, instance) => (instance, one.Scheme));

    private static FoundPrinter? ReadOne(ILookup<string, DnsRecord> records, string instance, string scheme)
    {
        if (Find(records, instance, DnsType.Srv) is not { Port: > 0 and var port, Target: { } target } || Find(records, instance, DnsType.Txt)?.Texts is not { } texts)
            return null;
        var (host, path) = (target.TrimEnd('.'), texts.GetValueOrDefault("rp", "ipp/print").TrimStart('/'));
        // printer-type is CUPS's. The rest becomes a line of the settings: a comma, or the end of a line, must not be in it.
        if (texts.ContainsKey("printer-type") || !Host().IsMatch(host) || !ResourcePath().IsMatch(path))
            return null;
        var name = texts.GetValueOrDefault("ty") is { Length: > 0 } type ? type : DnsMessage.Labels(instance)[0];
        return new(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{port}/{path}"), Readable(name));
    }

    private static DnsRecord? Find(ILookup<string, DnsRecord> records, string name, DnsType type) => records[name.TrimEnd('.')].FirstOrDefault(record => record.Type == type);

    private static string Readable(string text) => new([.. text.Where(letter => !char.IsControl(letter)).Take(LongestName)]);

    [GeneratedRegex(@"\A([A-Za-z0-9][A-Za-z0-9-]{0,62}\.local|localhost)\z", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase | RegexOptions.Singleline, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Host();

    [GeneratedRegex(@"\A[A-Za-z0-9/_.~%-]{1,200}\z", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ResourcePath();
}
