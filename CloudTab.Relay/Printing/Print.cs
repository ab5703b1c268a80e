using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>An attempt to print a file, as it was last reported.</summary>
/// <param name="Attempt">The id that its agent gave it.</param>
/// <param name="Printer">The printer's name.</param>
/// <param name="Options">What the printer was asked for.</param>
/// <param name="Grade">How sure it is that it is printed; null if it is not.</param>
/// <param name="Pages">Pages that the printer has counted.</param>
/// <param name="Copies">Copies that it has counted.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`.</param>
/// <param name="Again">Why it was printed once more; null if it was the first attempt, or the one before failed.</param>
/// <param name="GivenBack">Why a person took it away from its agent; null if nobody did.</param>
/// <param name="At">When that was reported.</param>
public sealed record Print(
    Guid Attempt,
    string Printer,
    PrintOptions Options,
    PrintState State,
    PrintGrade? Grade,
    int? Pages,
    int? Copies,
    IReadOnlyList<string> Reasons,
    string? Again,
    string? GivenBack,
    DateTime At)
{
    private const string ReportedAt = """to_char(prints.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""";

    /// <summary>A row of `prints` as JSON, for a column of this type.</summary>
    internal const string Json = $"""
        json_build_object('attempt', prints.attempt, 'printer', prints.printer, 'options', prints.print_options, 'state', prints.state,
            'grade', prints.grade, 'pages', prints.pages, 'copies', prints.copies, 'reasons', prints.reasons, 'again', prints.again,
            'givenBack', prints.given_back, 'at', {ReportedAt})
        """;

    /// <summary>The newest attempt of a row of `files`, as JSON of <see cref="FilePrint"/>.</summary>
    internal const string OfFile = $"""
        (SELECT json_build_object('state', prints.state, 'grade', prints.grade, 'reasons', prints.reasons, 'at', {ReportedAt})
         FROM prints WHERE prints.file = files.id ORDER BY prints.number DESC LIMIT 1)
        """;

    /// <summary>The newest attempts of all files of a row of `sessions`, as JSON of <see cref="ListedPrint"/>; null if nobody has printed any.</summary>
    internal const string OfSession = $"""
        (SELECT json_agg(json_build_object('fileId', newest.file, 'state', newest.state, 'grade', newest.grade, 'reasons', newest.reasons,
             'at', newest.at) ORDER BY newest.position)
         FROM (
             SELECT DISTINCT ON (files.position) files.position, prints.file, prints.state, prints.grade, prints.reasons, {ReportedAt} AS at
             FROM files JOIN prints ON prints.file = files.id
             WHERE files.session = sessions.id AND files.status = 'stored'
             ORDER BY files.position, prints.number DESC
         ) AS newest)
        """;
}

/// <summary>What is shown of a file's newest attempt.</summary>
/// <param name="Grade">How sure it is that it is printed; there if it is.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`.</param>
/// <param name="At">When that was reported.</param>
public sealed record FilePrint(
    PrintState State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PrintGrade? Grade,
    IReadOnlyList<string> Reasons,
    DateTime At);

/// <summary>The same in a list, where no files are.</summary>
/// <param name="FileId">The file's id.</param>
/// <param name="Grade">How sure it is that it is printed; there if it is.</param>
/// <param name="Reasons">What the printer says of its state: keywords of IPP, such as `media-empty`.</param>
/// <param name="At">When that was reported.</param>
public sealed record ListedPrint(
    Guid FileId,
    PrintState State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PrintGrade? Grade,
    IReadOnlyList<string> Reasons,
    DateTime At);

/// <summary>How far an attempt is. It goes forward only; a person or the agent may still find out what became of one that is unknown.</summary>
[JsonConverter(typeof(WireNameConverter<PrintState>))]
public enum PrintState
{
    /// <summary>The printer is given the document.</summary>
    [JsonStringEnumMemberName("sent")]
    Sent,

    /// <summary>The printer works on it.</summary>
    [JsonStringEnumMemberName("printing")]
    Printing,

    /// <summary>It is printed, as sure as its grade says.</summary>
    [JsonStringEnumMemberName("printed")]
    Printed,

    /// <summary>It was not printed.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>Nobody can tell: it may be on paper, or in part.</summary>
    [JsonStringEnumMemberName("unknown")]
    Unknown,
}

/// <summary>How sure it is that something is printed; it only rises.</summary>
[JsonConverter(typeof(WireNameConverter<PrintGrade>))]
public enum PrintGrade
{
    /// <summary>The printer, or what is before it, has taken all of it.</summary>
    [JsonStringEnumMemberName("handed_over")]
    HandedOver,

    /// <summary>The printer says that it has finished.</summary>
    [JsonStringEnumMemberName("printer_finished")]
    PrinterFinished,

    /// <summary>A person has seen it.</summary>
    [JsonStringEnumMemberName("confirmed")]
    Confirmed,
}
