namespace CloudTab.PrintAgent;

/// <summary>Operations of a printer (RFC 8011, section 5.4.15) that the agent asks for.</summary>
internal enum IppOperation : short
{
    PrintJob = 0x0002,
    ValidateJob = 0x0004,
    CreateJob = 0x0005,
    SendDocument = 0x0006,
    CancelJob = 0x0008,
    GetJobAttributes = 0x0009,
    GetJobs = 0x000A,
    GetPrinterAttributes = 0x000B,
}
