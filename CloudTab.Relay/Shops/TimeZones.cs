using System.Collections.Frozen;

namespace CloudTab.Relay;

/// <summary>
/// Names of time zones. Chrome and Safari have those of CLDR, which keeps a zone's first name for ever; PostgreSQL has those of its system, which may know
/// only the names of today (Debian has the others in a package of their own, tzdata-legacy). .NET knows no more of them than its own system, and images
/// without a shell know none.
/// </summary>
public static class TimeZones
{
    /// <summary>Where CLDR's name is not the one of today: the attribute `iana` in https://github.com/unicode-org/cldr/blob/main/common/bcp47/timezone.xml.</summary>
    public static readonly FrozenDictionary<string, string> Renamed = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["Africa/Asmera"] = "Africa/Asmara",
        ["America/Buenos_Aires"] = "America/Argentina/Buenos_Aires",
        ["America/Catamarca"] = "America/Argentina/Catamarca",
        ["America/Coral_Harbour"] = "America/Atikokan",
        ["America/Cordoba"] = "America/Argentina/Cordoba",
        ["America/Godthab"] = "America/Nuuk",
        ["America/Indianapolis"] = "America/Indiana/Indianapolis",
        ["America/Jujuy"] = "America/Argentina/Jujuy",
        ["America/Louisville"] = "America/Kentucky/Louisville",
        ["America/Mendoza"] = "America/Argentina/Mendoza",
        ["Asia/Calcutta"] = "Asia/Kolkata",
        ["Asia/Katmandu"] = "Asia/Kathmandu",
        ["Asia/Rangoon"] = "Asia/Yangon",
        ["Asia/Saigon"] = "Asia/Ho_Chi_Minh",
        ["Atlantic/Faeroe"] = "Atlantic/Faroe",
        ["Europe/Kiev"] = "Europe/Kyiv",
        ["Pacific/Enderbury"] = "Pacific/Kanton",
        ["Pacific/Ponape"] = "Pacific/Pohnpei",
        ["Pacific/Truk"] = "Pacific/Chuuk",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>The name that a zone has today, under which every system has it.</summary>
    public static string NameOf(string timeZone) => Renamed.GetValueOrDefault(timeZone, timeZone);
}
