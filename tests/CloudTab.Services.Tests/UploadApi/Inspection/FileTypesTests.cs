using System.Net;
using System.Text;
using System.Text.Json;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

public sealed class FileTypesTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Odt = "application/vnd.oasis.opendocument.text";
    private const string Package = "\u0001Ole10Native";
    private const string Word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    private const string Sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    private const string Slides = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

    private readonly HttpClient _client = relay.UploadApi();

    private static readonly Dictionary<string, (string Type, string Name, byte[] Content)> Accepted = new(StringComparer.Ordinal)
    {
        ["pdf"] = ("application/pdf", "a.pdf", Bytes("%PDF-1.7\n%\u00e2\u00e3")),
        ["pdf after a byte order mark"] = ("application/pdf", "a.pdf", [0xEF, 0xBB, 0xBF, .. "%PDF-1.4"u8]),
        ["pdf after blank lines"] = ("application/pdf", "a.pdf", Bytes("\r\n \n%PDF-1.4")),
        ["pdf after zeros"] = ("application/pdf", "a.pdf", [0, 0, 0, .. "%PDF-1.4\n%%EOF\n"u8]),
        ["pdf in a job for a printer"] = ("application/pdf", "a.pdf", Bytes("\e%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE=PDF\r\n%PDF-1.4 \r\n1 0 obj\n<<>>\nendobj")),
        ["pdf after the head of a request"] = ("application/pdf", "a.pdf", Bytes("HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.4\n%\u00e2\n1 0 obj")),
        ["pdf after a line of noise"] = ("application/pdf", "a.pdf", [.. "PKabcd"u8, 0xE2, 0xE9, .. "3454%PDF-1.4\r%\r1 0 obj"u8]),
        ["pdf called page"] = ("application/pdf", "a.html", Bytes("%PDF-1.7\n<script>")),
        ["jpeg"] = ("image/jpeg", "a.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, .. "JFIF"u8]),
        ["jpeg called program"] = ("image/jpeg", "a.exe", [0xFF, 0xD8, 0xFF, 0xDB, 0]),
        ["png"] = ("image/png", "a.png", [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, 0, 0, 0, 13]),
        ["tiff, little end"] = ("image/tiff", "a.tif", [.. "II"u8, 42, 0, 8, 0, 0, 0]),
        ["tiff, big end"] = ("image/tiff", "a.tif", [.. "MM"u8, 0, 42, 0, 0, 0, 8]),
        ["heic"] = ("image/heic", "a.heic", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8, 0, 0, 0, 1]),
        ["heic by a compatible brand"] = ("image/heic", "a.heic", [0, 0, 0, 24, .. "ftypmif1"u8, 0, 0, 0, 0, .. "mif1heic"u8, 0, 0, 0, 1]),
        ["heif"] = ("image/heif", "a.heif", [0, 0, 0, 20, .. "ftypmif1"u8, 0, 0, 0, 0, .. "mif1"u8, 0, 0, 0, 1]),
        ["webp"] = ("image/webp", "a.webp", [.. "RIFF"u8, 4, 0, 0, 0, .. "WEBPVP8 "u8]),
        ["rtf"] = ("application/rtf", "a.rtf", Bytes("{\\rtf1\\ansi hello}")),
        ["rtf after a byte order mark"] = ("application/rtf", "a.rtf", [0xEF, 0xBB, 0xBF, .. "{\\rtf1 hello}"u8]),
        ["rtf after a blank line"] = ("application/rtf", "a.rtf", Bytes("\r\n{\\rtf1\\ansi hello}")),
        ["rtf with a line's end after the brace"] = ("application/rtf", "a.rtf", Bytes("{\n\\rtf1\\ansi hello}")),
        ["text"] = ("text/plain", "a.txt", Bytes("Grüße, 你好\r\n\tund\f")),
        ["text in another encoding"] = ("text/plain", "a.txt", [.. "Gr"u8, 0xFC, 0xDF, (byte)'e']),
        ["text in UTF-16"] = ("text/plain", "a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("hello 你好\r\n")]),
        ["text in UTF-16, big end"] = ("text/plain", "a.txt", [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes("hello\r\n")]),
        ["text in UTF-16 with U+0000 at its end"] = ("text/plain", "a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("key\r\n\0")]),
        ["text in UTF-16, big end, with U+0000 at its end"] = ("text/plain", "a.txt", [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes("key\0")]),
        ["text in ISO-2022-JP"] = ("text/plain", "a.txt", Bytes("\e$B@A5a=q\e(B\r\n")),
        ["text in ISO-2022-KR"] = ("text/plain", "a.txt", Bytes("\e$)C\n\u000e0!\u000f\n")),
        ["log of a terminal"] = ("text/plain", "a.log", Bytes("\e[31mERROR\e[0m\a a\b\bb\r\n")),
        ["csv with breaks in a cell"] = ("text/csv", "a.csv", Bytes("a,1 Road\vTown\r\n")),
        ["csv that ends with ^Z"] = ("text/csv", "a.csv", [.. new byte[5_000].Select(_ => (byte)'x'), 0x1A]),
        ["text about PDF and RTF"] = ("text/plain", "a.txt", Bytes("A PDF begins with %PDF-1.7 (or %PDF-2.0\nand so on), an RTF with \"{\\rtf1\".")),
        ["text without ending"] = ("text/plain", "README", Bytes("hello")),
        ["text that compares"] = ("text/plain", "a.txt", Bytes("< 5 and > 3")),
        ["text that begins with MZ"] = ("text/plain", "a.txt", Bytes("MZ")),
        ["text that begins with a line dex"] = ("text/plain", "a.txt", Bytes("dex\nis short for dexterity\n")),
        ["text that begins with half of what a program does"] = ("text/plain", "a.txt", [0x7F, .. "EL"u8]),
        ["text about ELF"] = ("text/plain", "a.txt", Bytes("ELF files begin with \u007fELF.")),
        ["csv"] = ("text/csv", "a.CSV", Bytes("a;b\r\n1;2\r\n")),
        ["docx"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml")),
        ["xlsx"] = (Sheet, "a.xlsx", Ooxml("xl/workbook.xml", Sheet + ".main+xml")),
        ["pptx"] = (Slides, "a.pptx", Ooxml("ppt/presentation.xml", Slides + ".main+xml")),
        ["docx of 5 MiB"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/a.bin", new byte[5 << 20]))),
        ["docx whose main part has its type by its ending"] = (Word, "a.docx", Listing("word/document.xml", Default("xml", Word + ".main+xml"))),
        ["xlsx with a type of macros that no part has"] = (Sheet, "a.xlsx", Listing("xl/workbook.xml", Default("bin", "application/vnd.ms-excel.sheet.binary.macroEnabled.main") + Override("xl/workbook.xml", Sheet + ".main+xml"))),
        ["xlsx with names in another case"] = (Sheet, "a.xlsx", Archives.Zip(
            ("[content_types].XML", Types(Override("XL/Workbook.xml", Sheet + ".Main+xml"))), ("xl/workbook.xml", "<x/>"u8.ToArray()))),
        ["xlsx with backslashes in names"] = (Sheet, "a.xlsx", Archives.Zip(
            ("[Content_Types].xml", Types(Override("xl/workbook.xml", Sheet + ".main+xml"))), ("xl\\workbook.xml", "<x/>"u8.ToArray()))),
        ["xlsx with a record of ZIP64"] = (Sheet, "a.xlsx", Archives.Zip64(Ooxml("xl/workbook.xml", Sheet + ".main+xml"))),
        ["docx whose records say the same twice"] = (Word, "a.docx", Archives.Zip64(Ooxml("word/document.xml", Word + ".main+xml"), isMasked: false)),
        ["docx with fonts that begin by chance like programs"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml",
            ("word/fonts/font1.odttf", [.. "MZ"u8, .. Enumerable.Repeat((byte)0xA7, 5_000)]), ("word/fonts/font2.odttf", [.. "#!"u8, .. Enumerable.Repeat((byte)0xA7, 5_000)]),
            ("word/fonts/font3.fntdata", [.. "MZ"u8]))),
        ["docx of 100 parts, 65 KiB each"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml",
            [.. Enumerable.Range(0, 100).Select(i => ($"word/embeddings/media{i}.bin", new byte[65 << 10]))])),
        ["docx with links and a template of its author's disk"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml",
            Relationship("hyperlink", "https://example.com/"), Relationship("image", "https://example.com/a.png"),
            Relationship("attachedTemplate", "file:///C:\\Users\\me\\Letter.dotm"), Relationship("oleObject", "file:///D:/a.xls"), Relationship("attachedTemplate", "Letter.dotx"))),
        ["docx whose main part has a number"] = (Word, "a.docx", Ooxml("word/document2.xml", Word + ".main+xml")),
        ["docx whose main part has a name of its own"] = (Word, "a.docx", Ooxml("letter/text.xml", Word + ".main+xml")),
        ["docx with backslashes in names"] = (Word, "a.docx", Archives.Zip(
            ("[Content_Types].xml", Types(Override("word/document.xml", Word + ".main+xml"))), ("word\\document.xml", "<x/>"u8.ToArray()))),
        ["docx of 3,000 parts"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml",
            [.. Enumerable.Range(0, 3_000).Select(i => ($"word/embeddings/part{i}.xml", "<x/>"u8.ToArray()))])),
        ["odt"] = ("application/vnd.oasis.opendocument.text", "a.odt", Archives.Zip(("mimetype", "application/vnd.oasis.opendocument.text"u8.ToArray()), ("content.xml", "<x/>"u8.ToArray()))),
        ["doc"] = ("application/msword", "a.doc", CompoundFiles.Write("WordDocument", "1Table")),
        ["doc without ending"] = ("application/msword", "letter", CompoundFiles.Write("WordDocument", "1Table")),
        ["doc called a template"] = ("application/msword", "a.dot", CompoundFiles.Write("WordDocument", "1Table")),
        ["doc called docx"] = ("application/msword", "a.docx", CompoundFiles.Write("WordDocument", "1Table")),
        ["xls"] = ("application/vnd.ms-excel", "a.xls", CompoundFiles.Write("Workbook")),
        ["xls of 1995"] = ("application/vnd.ms-excel", "a.xls", CompoundFiles.Write("Book")),
        ["ppt"] = ("application/vnd.ms-powerpoint", "a.ppt", CompoundFiles.Write("Current User", "PowerPoint Document")),
        ["xls with sheets"] = ("application/vnd.ms-excel", "a.xls", CompoundFiles.WriteContent("Workbook", Biff(0, 0x10))),
        ["doc with a letter in it"] = ("application/msword", "a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf", "%PDF-1.4"u8.ToArray()), other: "WordDocument")),
        ["doc with a picture of an old program"] = ("application/msword", "a.doc", CompoundFiles.WriteContent(Package, [70, 0, 0, 0, .. "BM"u8, .. new byte[68]], other: "WordDocument")),
        ["ppt with an object"] = ("application/vnd.ms-powerpoint", "a.ppt", CompoundFiles.Slides(CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf", [1])))),
        ["ppt with a workbook that is not compressed"] = ("application/vnd.ms-powerpoint", "a.ppt", CompoundFiles.Slides(CompoundFiles.WriteContent("Workbook", Biff(0, 0x10)), isCompressed: false)),
        ["docx with an object whose last sector is cut"] = (Word, "a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/embeddings/a.bin", CompoundFiles.Write("CONTENTS")[..^50]))),
        ["odt with links and a template of its author's disk"] = (Odt, "a.odt", OpenDocument(
            """<text:a xlink:href="https://example.com/"/><draw:image xlink:href="https://example.com/a.png"/><meta:template xlink:href="file:///C:/Users/me/a.ott"/><meta:template xlink:href="../../a.ott"/><draw:object xlink:href="./Object 1"/>""")),
        ["odt with a formula of an old version"] = (Odt, "a.odt", Archives.Zip(("mimetype", Bytes(Odt)), ("Object 1/content.xml", Bytes("<!DOCTYPE math PUBLIC \"a\" \"math.dtd\"><math/>")))),
        ["rtf with a template of its author's disk"] = ("application/rtf", "a.rtf", Bytes(@"{\rtf1{\*\template C:\\Users\\me\\Normal.dotm}hello}")),
        ["rtf with a template in a folder with an umlaut"] = ("application/rtf", "a.rtf", Bytes(@"{\rtf1{\*\template C:\\Users\\J\u246?rg\\Normal.dotm}hello}")),
        ["rtf with binary data"] = ("application/rtf", "a.rtf", Bytes(@"{\rtf1{\pict\bin13 \bin}{\\\'zz\}hello}")),
        ["rtf about templates"] = ("application/rtf", "a.rtf", Bytes(@"{\rtf1\templates template http://example.com/ {\field{\*\fldinst HYPERLINK ""http://example.com/""}}}")),
        ["ppt without macros"] = ("application/vnd.ms-powerpoint", "a.ppt", CompoundFiles.WriteContent("PowerPoint Document", [.. new byte[40_000], .. VbaAtom(0)])),
        ["jpeg of 240 million pixels"] = ("image/jpeg", "a.jpg", Pictures.Jpeg(16_000, 15_000)),
        ["jpeg with a size behind its scan"] = ("image/jpeg", "a.jpg", [0xFF, 0xD8, 0xFF, 0xDA, 0, 2, .. Pictures.Jpeg(0xFFFF, 0xFFFF)[2..]]),
        ["tiff of two pages"] = ("image/tiff", "a.tif", Pictures.Tiff(16_000, 15_000)),
        ["tiff of 10,000 pages"] = ("image/tiff", "a.tif", Pictures.Tiff([.. Enumerable.Repeat((1, 1), 10_000)])),
        ["tiff whose fields are cut"] = ("image/tiff", "a.tif", Pictures.Tiff((16_000, 15_000))[..^10]),
        ["doc with another one in it"] = ("application/msword", "a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.doc", CompoundFiles.Write("WordDocument")), other: "WordDocument")),
        ["doc with a stream that begins by chance like a program"] = ("application/msword", "a.doc", CompoundFiles.WriteContent("Data", [.. "MZ"u8, .. Enumerable.Repeat((byte)0xA7, 5_000)], other: "WordDocument")),
        ["doc whose small streams are cut off"] = ("application/msword", "a.doc", CompoundFiles.WriteContent("Data", [.. "MZ"u8, 0], other: "WordDocument")[..^(2 * 512)]),
        ["doc of 10 MiB with its directory at the end"] = ("application/msword", "a.doc", CompoundFiles.WriteLarge("WordDocument")),
    };

    private static readonly Dictionary<string, (string Name, byte[] Content)> Refused = new(StringComparer.Ordinal)
    {
        ["page"] = ("a.html", Bytes("<!DOCTYPE html><html>")),
        ["page called pdf"] = ("a.pdf", Bytes("<html><script>alert(1)</script>")),
        ["page after blanks"] = ("a.txt", Bytes(new string('\n', 5_000) + "<HTML>")),
        ["page after a byte order mark"] = ("a.txt", [0xEF, 0xBB, 0xBF, .. "<!-- x --><html>"u8]),
        ["page in UTF-16"] = ("a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(" <html>")]),
        ["svg called png"] = ("a.png", Bytes("<svg xmlns=\"http://www.w3.org/2000/svg\"/>")),
        ["xml"] = ("a.txt", Bytes("<?xml version=\"1.0\"?><svg/>")),
        ["php"] = ("a.txt", Bytes("<?php phpinfo();")),
        ["shell script"] = ("a.txt", Bytes("#!/bin/sh\nrm -rf /")),
        ["batch file"] = ("a.txt", Bytes("@ECHO off\r\n")),
        ["postscript"] = ("a.txt", Bytes("%!PS-Adobe-3.0")),
        ["javascript by name"] = ("a.js", Bytes("alert(1)")),
        ["javascript of Node.js by name"] = ("a.cjs", Bytes("exports")),
        ["lua by name"] = ("a.lua", Bytes("print(1)")),
        ["page of a server by name"] = ("a.asp", Bytes("hello")),
        ["saved page by name"] = ("a.mht", Bytes("hello")),
        ["installation by name"] = ("a.inf", Bytes("[Version]")),
        ["saved page"] = ("a.txt", Bytes("MIME-Version: 1.0\r\n\r\nhello")),
        ["page by name"] = ("a.HTM", Bytes("hello")),
        ["script by name with a dot behind"] = ("a.ps1.", Bytes("hello")),
        ["link by name"] = ("a.url", Bytes("hello")),
        ["program"] = ("a.pdf", [.. "MZ"u8, 0x90, 0, 3, 0, 0, 0]),
        ["program of Linux"] = ("a.jpg", [0x7F, .. "ELF"u8, 2, 1, 1, 0]),
        ["first bytes of a program of Linux"] = ("a.txt", [0x7F, .. "ELF"u8]),
        ["first bytes of a class of Java"] = ("a.txt", [0xCA, 0xFE, 0xBA, 0xBE]),
        ["first bytes of a packed class of Java"] = ("a.txt", [0xCA, 0xFE, 0xD0, 0x0D]),
        ["first bytes of a program of macOS"] = ("a.txt", [0xFE, 0xED, 0xFA, 0xCF]),
        ["first bytes of a program of macOS, little end"] = ("a.txt", [0xCF, 0xFA, 0xED, 0xFE]),
        ["first bytes of a program of macOS, then a text"] = ("a.txt", [0xCE, 0xFA, 0xED, 0xFE, .. "hello"u8]),
        ["text with a zero"] = ("a.txt", [.. "hello"u8, 0]),
        ["text with a zero at its end"] = ("a.txt", [.. Enumerable.Repeat((byte)'x', 100_000), 0]),
        ["text in UTF-16 with U+0000 before its end"] = ("a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("a\0b")]),
        ["text in UTF-16 with two U+0000 at its end"] = ("a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("a\0\0")]),
        ["text with ^Z before its end"] = ("a.txt", [.. "a"u8, 0x1A, (byte)'b']),
        ["page after control characters"] = ("a.txt", Bytes("\a\b\v\r\n<html>")),
        ["job for a printer"] = ("a.txt", Bytes("hello\r\n\e%-12345X@PJL FSDOWNLOAD\r\n")),
        ["postscript after a line"] = ("a.txt", Bytes("hello\r\n%!PS-Adobe-3.0\r\n")),
        ["rtf after a line"] = ("a.txt", Bytes("hello\r\n{\\rtf1\\ansi hello}")),
        ["pdf after 2,000 letters"] = ("a.txt", Bytes(new string('x', 2_000) + "\n%PDF-1.4\n1 0 obj")),
        ["pdf after a page"] = ("a.pdf", Bytes("<html>\n%PDF-1.4\n1 0 obj")),
        ["pdf after a script"] = ("a.pdf", Bytes("#!/bin/sh\n%PDF-1.4\n1 0 obj")),
        ["pdf after a program's first bytes"] = ("a.pdf", Bytes("MZ\n%PDF-1.4\n1 0 obj")),
        ["pdf after the first bytes of a program of Linux"] = ("a.pdf", [0x7F, .. "ELF\n%PDF-1.4\n1 0 obj"u8]),
        ["pdf after a gif's first bytes"] = ("a.pdf", Bytes("GIF89a\n%PDF-1.4\n1 0 obj")),
        ["gif"] = ("a.gif", [.. "GIF89a"u8, 1, 0, 1, 0, 0, 0, 0]),
        ["avif"] = ("a.avif", [0, 0, 0, 24, .. "ftypavif"u8, 0, 0, 0, 0, .. "avifmif1"u8, 0, 0, 0, 1]),
        ["film"] = ("a.mp4", [0, 0, 0, 24, .. "ftypisom"u8, 0, 0, 0, 0, .. "isomavc1"u8, 0, 0, 0, 1]),
        ["pdf not at the beginning"] = ("a.pdf", [1, 2, 3, .. "%PDF-1.7"u8]),
        ["archive"] = ("a.zip", Archives.Zip(("a.txt", "hello"u8.ToArray()))),
        ["archive called docx"] = ("a.docx", Archives.Zip(("a.exe", [.. "MZ"u8]))),
        ["archive with a list of types only"] = ("a.docx", Archives.Zip(("[Content_Types].xml", ContentTypes("word/document.xml", Word + ".main+xml")), ("a.exe", []))),
        ["docm"] = ("a.docm", Ooxml("word/document.xml", "application/vnd.ms-word.document.macroEnabled.main+xml")),
        ["docm called docx"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/vbaProject.bin", [1]))),
        ["template"] = ("a.dotx", Ooxml("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml")),
        ["docx with a document type"] = ("a.docx", Archives.Zip(
            ("[Content_Types].xml", Encoding.UTF8.GetBytes("<!DOCTYPE Types [<!ENTITY a \"b\">]>" + Encoding.UTF8.GetString(ContentTypes("word/document.xml", Word + ".main+xml")))),
            ("word/document.xml", []))),
        ["docx with bad XML"] = ("a.docx", Archives.Zip(("[Content_Types].xml", "<Types><"u8.ToArray()), ("word/document.xml", []))),
        ["docx with a bomb for a list of types"] = ("a.docx", Archives.Zip(("[Content_Types].xml", new byte[10 << 20]), ("word/document.xml", []))),
        ["docx with an unnamed macro"] = ("a.docx", Listing("word/document.xml", Override("word/document.xml", Word + ".main+xml") + Override("word/X.bin", "application/vnd.ms-office.VBAProject"), ("word/x.bin", [1]))),
        ["docx with a macro by its ending"] = ("a.docx", Listing("word/document.xml", Override("word/document.xml", Word + ".main+xml") + Default("BIN", "application/vnd.ms-office.vbaProject"), ("word/x.bin", [1]))),
        ["docx with a macro by a relationship"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("vbaProject", "x.bin", external: false))),
        ["xlsx with a sheet of macros"] = ("a.xlsx", Listing("xl/workbook.xml", Override("xl/workbook.xml", Sheet + ".main+xml") + Override("xl/a.xml", "application/vnd.ms-excel.macrosheet+xml"), ("xl/a.xml", "<x/>"u8.ToArray()))),
        ["docx with a template of another machine"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("attachedTemplate", "https://example.com/a.dotm"))),
        ["docx with a template of a share"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("attachedTemplate", "file:///\\\\server\\share\\a.dotm"))),
        ["docx with a template of a server's file"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("attachedTemplate", "file://server/a.dotm"))),
        ["docx with an escaped template"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("attachedTemplate", "%5C%5Cserver%5Ca.dotm"))),
        ["docx with an object of another machine"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", Relationship("oleObject", "mhtml:https://example.com/a.html!x-usc:https://example.com/a.html"))),
        ["docx with a program"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/a.ExE", [1]))),
        ["docx with a program under another name"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/embeddings/a.bin", [.. "MZ"u8, 0x90, 0]))),
        ["docx with a program of Windows called a picture"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/image1.png", [.. "MZ"u8, 0x90, 0]))),
        ["docx with a program of Linux called a picture"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/image1.jpeg", [0x7F, .. "ELF"u8, 2, 1, 1, 0]))),
        ["docx with a program of macOS called a film"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/a.mp4", [0xCF, 0xFA, 0xED, 0xFE, 7, 0, 0, 1]))),
        ["pptx with a class of Java called a drawing"] = ("a.pptx", Ooxml("ppt/presentation.xml", Slides + ".main+xml", ("ppt/media/image1.emf", [0xCA, 0xFE, 0xBA, 0xBE]))),
        ["xlsx with a script called a part"] = ("a.xlsx", Ooxml("xl/workbook.xml", Sheet + ".main+xml", ("xl/worksheets/sheet1.xml", Bytes("#!/bin/sh\nid")))),
        ["docx with a link called a picture"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/image1.gif", [0x4C, 0, 0, 0, 1, 0x14, 2, 0, 0, 0, 0, 0, 0xC0]))),
        ["docx with a help file called a picture"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/image1.bmp", [.. "ITSF"u8, 3, 0, 0, 0]))),
        ["docx with an installer called a picture"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/media/image1.png", CompoundFiles.Write("\u4840\u3f7f")))),
        ["docx with an installer called an object"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/embeddings/oleObject1.bin", CompoundFiles.WriteContent("CONTENTS", [1], rootClass: 0x000C1084)))),
        ["docx with a program called a font"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/fonts/font1.odttf", Program))),
        ["docx with a script called a font"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/fonts/font1.odttf", Bytes("#! /bin/sh\nid")))),
        ["odt with a program called a picture"] = ("a.odt", Archives.Zip(("mimetype", Bytes(Odt)), ("content.xml", "<x/>"u8.ToArray()), ("Pictures/1.png", [0x7F, .. "ELF"u8, 2, 1, 1, 0]))),
        ["doc with a stream that is a program"] = ("a.doc", CompoundFiles.WriteContent("Data", Program, other: "WordDocument")),
        ["doc with a long stream that is a program"] = ("a.doc", CompoundFiles.WriteContent("Data", [.. Program, .. new byte[5_000]], other: "WordDocument")),
        ["doc with a stream that is an installer"] = ("a.doc", CompoundFiles.WriteContent("Data", CompoundFiles.Write("\u4840\u3f7f"), other: "WordDocument")),
        ["doc with an installer under another name"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.doc", CompoundFiles.Write("\u4840\u3f7f")), other: "WordDocument")),
        ["docx with a class file"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("A.class", [0xCA, 0xFE, 0xBA, 0xBE]))),
        ["docx that Java runs"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("META-INF/MANIFEST.MF", "Main-Class: A"u8.ToArray()))),
        ["odt with a program"] = ("a.odt", Archives.Zip(("mimetype", "application/vnd.oasis.opendocument.text"u8.ToArray()), ("a.cmd", []))),
        ["docx that leaves its folder"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/../../a.xml", [1]))),
        ["docx that leaves its folder by backslashes"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("..\\a.xml", [1]))),
        ["docx that leaves its disk"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("C:\\a.xml", [1]))),
        ["docx of 10,001 entries"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", [.. Enumerable.Range(0, 9_999).Select(i => ($"{i}", Array.Empty<byte>()))])),
        ["docx of more than 200 MiB"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("a.xml", new byte[100 << 20]), ("b.xml", new byte[100 << 20]))),
        ["docx with two lists of types"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("[CONTENT_TYPES].xml", Types("")))),
        ["docx with two end records"] = ("a.docx", [.. Ooxml("word/document.xml", Word + ".main+xml"), .. Archives.Zip(("A.txt", []))[^22..], 0]),
        ["docx with another directory by its locator"] = ("a.docx", Archives.OtherDirectory(Ooxml("word/document.xml", Word + ".main+xml", ("word/vbaProject.bin", [1])))),
        ["docx with another directory by a record that readers may ignore"] = ("a.docx", Archives.Patched(Archives.Zip64(Ooxml("word/document.xml", Word + ".main+xml"), isMasked: false), 98 - 48, 1)),
        ["docx with a locator without its record"] = ("a.docx", Archives.Locator(Ooxml("word/document.xml", Word + ".main+xml"))),
        ["docx on other disks"] = ("a.docx", Archives.Patched(Ooxml("word/document.xml", Word + ".main+xml"), 22 - 4, 1, 0, 1, 0)),
        ["docx whose record of ZIP64 is on another disk"] = ("a.docx", Archives.Patched(Archives.Zip64(Ooxml("word/document.xml", Word + ".main+xml")), 42 - 4, 1)),
        ["docx whose directory begins before it"] = ("a.docx", Archives.BeforeItself(Archives.Zip64(Ooxml("word/document.xml", Word + ".main+xml")))),
        ["docx whose directory is not at its end"] = ("a.docx", Archives.MovedEnd(Ooxml("word/document.xml", Word + ".main+xml"))),
        ["ods"] = ("a.ods", Archives.Zip(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"u8.ToArray()))),
        ["odt with macros"] = ("a.odt", Archives.Zip(("mimetype", "application/vnd.oasis.opendocument.text"u8.ToArray()), ("Basic/Standard/Module1.xml", []))),
        ["cut archive"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml")[..^30]),
        ["beginning of an archive"] = ("a.docx", [.. "PK"u8, 3, 4]),
        ["archive of 100,000 entries"] = ("a.docx", Archives.Zip([.. Enumerable.Range(0, 100_000).Select(i => ($"{i}", Array.Empty<byte>()))])),
        ["installer by its class"] = ("a.doc", CompoundFiles.WriteContent("WordDocument", [1], rootClass: 0x000C1084)),
        ["xls with a sheet of macros"] = ("a.xls", CompoundFiles.WriteContent("Workbook", Biff(1, 0x40))),
        ["xls with a sheet of macros listed as another"] = ("a.xls", CompoundFiles.WriteContent("Book", Biff(0, 0x40))),
        ["xls with a sheet of macros, encrypted"] = ("a.xls", CompoundFiles.WriteContent("Workbook", Biff(0xEE, 0x40, isEncrypted: true))),
        ["xls with a sheet of macros in long sectors"] = ("a.xls", CompoundFiles.WriteContent("Workbook", [.. Biff(0, 0x40), .. new byte[10_000]])),
        ["ppt with macros"] = ("a.ppt", CompoundFiles.WriteContent("PowerPoint Document", VbaAtom(1))),
        ["doc with a program"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf.exe", [1]), other: "WordDocument")),
        ["doc with a program under another name"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf", [.. "MZ"u8, 0x90, 0]), other: "WordDocument")),
        ["doc with a program under another name in UTF-16"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf", [1], "letter.hta"), other: "WordDocument")),
        ["doc with a program far behind"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package("letter.pdf", new byte[50_000], "letter.js"), other: "WordDocument")),
        ["doc with a program in place of a picture"] = ("a.doc", CompoundFiles.WriteContent(Package, [4, 0, 0, 0, .. "MZ"u8, 0x90, 0], other: "WordDocument")),
        ["doc with a package whose name does not end"] = ("a.doc", CompoundFiles.WriteContent(Package, CompoundFiles.Package(new string('a', 5_000), [1]), other: "WordDocument")),
        ["xls with a program"] = ("a.xls", CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.bat", [1]), other: "Workbook")),
        ["ppt with a program in an object"] = ("a.ppt", CompoundFiles.Slides(CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.exe", [1])))),
        ["ppt with a program in an object that is not compressed"] = ("a.ppt", CompoundFiles.Slides(CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.exe", [1])), isCompressed: false)),
        ["ppt with macros in an object"] = ("a.ppt", CompoundFiles.Slides(CompoundFiles.Write("PROJECT", "VBA"))),
        ["ppt with a program in slides in slides"] = ("a.ppt", CompoundFiles.Slides(CompoundFiles.Slides(CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.exe", [1]))))),
        ["ppt with slides in slides in slides in slides in slides"] = ("a.ppt", CompoundFiles.Slides(CompoundFiles.Slides(CompoundFiles.Slides(CompoundFiles.Slides(CompoundFiles.Write("CONTENTS")))))),
        ["ppt with a bomb"] = ("a.ppt", CompoundFiles.Slides(new byte[33 << 20])),
        ["docx with a program in an object"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/embeddings/oleObject1.bin", CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.exe", [1]))))),
        ["docx with a workbook with macros"] = ("a.docx", Ooxml("word/document.xml", Word + ".main+xml", ("word/embeddings/a.xls", CompoundFiles.WriteContent("Workbook", Biff(1, 0x40))))),
        ["odt with a program in an object"] = ("a.odt", Archives.Zip(("mimetype", Bytes(Odt)), ("Object 1", CompoundFiles.WriteContent(Package, CompoundFiles.Package("a.exe", [1]))))),
        ["odt with a template of another machine"] = ("a.odt", OpenDocument("""<meta:template xlink:type="simple" xlink:href="https://example.com/a.ott"/>""")),
        ["odt with a template of a share"] = ("a.odt", OpenDocument("""<meta:template xlink:href="file://server/a.ott"/>""")),
        ["odt with a section of another machine"] = ("a.odt", OpenDocument("""<text:section-source xlink:href="http://example.com/a.odt"/>""")),
        ["odt with an object of another machine"] = ("a.odt", OpenDocument("""<draw:object xlink:href="//server/a.ods"/>""")),
        ["odt with a template under another prefix"] = ("a.odt", OpenDocument("""<m:template xmlns:m="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" xmlns:x="http://www.w3.org/1999/xlink" x:href="https://example.com/a.ott"/>""")),
        ["rtf with a template of another machine"] = ("a.rtf", Bytes(@"{\rtf1{\*\template http://example.com/a.dotm}hello}")),
        ["rtf with a template of a share"] = ("a.rtf", Bytes(@"{\rtf1{\*\template \\\\server\\a.dotm}hello}")),
        ["rtf with a template in hexadecimal"] = ("a.rtf", Bytes(@"{\rtf1{\*\template \'5c\'5Cserver\'5ca.dotm}hello}")),
        ["rtf with a template in Unicode"] = ("a.rtf", Bytes(@"{\rtf1{\*\template\u92x\u92xserver\u92xa.dotm}hello}")),
        ["rtf with a template in Unicode with two letters that stand for each"] = ("a.rtf", Bytes(@"{\rtf1\uc2{\*\template\u92xx\u92xxserver\u92xxa.dotm}hello}")),
        ["rtf with a template in Unicode behind a group of another count"] = ("a.rtf", Bytes(@"{\rtf1{\uc100 }{\*\template\u92?\\server\\a.dotm}}")),
        ["rtf with a template in Unicode with leading zeros"] = ("a.rtf", Bytes(@"{\rtf1{\*\template\u00000000000092?\\server\\a.dotm}}")),
        ["rtf with a template in Unicode with many digits"] = ("a.rtf", Bytes(@"{\rtf1{\*\template\u65628000000?\\server\\a.dotm}}")),
        ["rtf with a template behind a blank in Unicode"] = ("a.rtf", Bytes(@"{\rtf1\uc2{\*\template\u160 ab\\\\server\\a.dotm}}")),
        ["rtf with binary data in its template"] = ("a.rtf", Bytes(@"{\rtf1{\*\template\bin2 C:http://example.com/a.dotm}}")),
        ["rtf with a template behind binary data that ends like a control"] = ("a.rtf", Bytes(@"{\rtf1{\*\bin1 \\template http://example.com/a.dotm}}")),
        ["rtf with two templates of which a reader takes one"] = ("a.rtf", Bytes(@"{\rtf1{\*\template{\upr{C:}{\*\ud{http://example.com/a.dotm}}}}}")),
        ["rtf with a template in groups and lines"] = ("a.rtf", Bytes("{\\rtf1{\\*\\template\r\n{h{t}}\r\ntp{\\b }://example.com/a.dotm}hello}")),
        ["rtf that ends in its template"] = ("a.rtf", Bytes(@"{\rtf1{\*\template http://example.com/a.dotm")),
        ["rtf with a second template"] = ("a.rtf", Bytes(@"{\rtf1{\*\template a.dotm}{\*\template http://example.com/a.dotm}}")),
        ["ppt with macros far behind"] = ("a.ppt", CompoundFiles.WriteContent("PowerPoint Document", [.. new byte[(32 << 10) - 10], .. VbaAtom(1)])),
        ["doc with a storage of macros"] = ("a.doc", CompoundFiles.Write("WordDocument", "VBA")),
        ["png of more than 250 million pixels"] = ("a.png", [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 2, 0, 0, 0]),
        ["webp of more than 250 million pixels"] = ("a.webp", [.. "RIFF"u8, 22, 0, 0, 0, .. "WEBPVP8X"u8, 10, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x3F, 0, 0xFF, 0x3F, 0]),
        ["webp without loss of more than 250 million pixels"] = ("a.webp", [.. "RIFF"u8, 22, 0, 0, 0, .. "WEBPVP8L"u8, 10, 0, 0, 0, 0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0, 0]),
        ["jpeg of more than 250 million pixels"] = ("a.jpg", Pictures.Jpeg(16_000, 16_000)),
        ["jpeg of more than 250 million pixels behind other bytes"] = ("a.jpg", [0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, .. new byte[70_000], 0xFF, .. Pictures.Jpeg(0xFFFF, 0xFFFF)[2..]]),
        ["tiff with a page of more than 250 million pixels"] = ("a.tif", Pictures.Tiff(100_000, 100_000)),
        ["tiff with a large page whose last pointer is cut off"] = ("a.tif", Pictures.Tiff((9, 9), (100_000, 100_000))[..^4]),
        ["tiff with a large page whose last field is cut off"] = ("a.tif", [.. "II"u8, 42, 0, 8, 0, 0, 0, 3, 0, .. Pictures.Field(0, 100_000), .. Pictures.Field(1, 100_000), 2, 1]),
        ["tiff of two widths"] = ("a.tif", [.. "II"u8, 42, 0, 8, 0, 0, 0, 3, 0, .. Pictures.Field(0, 100_000), .. Pictures.Field(0, 1), .. Pictures.Field(1, 100_000), 0, 0, 0, 0]),
        ["tiff of 10,001 pages"] = ("a.tif", Pictures.Tiff([.. Enumerable.Repeat((1, 1), 10_000), (100_000, 100_000)])),
        ["tiff whose pages lie over each other"] = ("a.tif", Pictures.OverlappingTiff()),
        ["heic of 100,001 boxes"] = ("a.heic", Pictures.Heic([.. Enumerable.Repeat<byte[]>([0, 0, 0, 8, .. "free"u8], 100_000).SelectMany(box => box)], 8, 0)),
        ["heic of more than 250 million pixels in a box with a long size"] = ("a.heic", Pictures.Heic([], 16, 0)),
        ["heic of more than 250 million pixels whose end is cut off"] = ("a.heic", Pictures.Heic([], 8, 4)),
        ["heic of more than 250 million pixels"] = ("a.heic", [0, 0, 0, 20, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1"u8, 0, 0, 0, 48, .. "meta"u8, 0, 0, 0, 0,
            0, 0, 0, 36, .. "iprp"u8, 0, 0, 0, 28, .. "ipco"u8, 0, 0, 0, 20, .. "ispe"u8, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0]),
        ["xls with a small stream of 4 GiB"] = ("a.xls", CompoundFiles.WithSmallStream(uint.MaxValue - 1, rootSize: 64, longStream: uint.MaxValue)),
        ["xls with a small stream that is larger than what it lies in"] = ("a.xls", CompoundFiles.WithSmallStream(4_000, 64)),
        ["xls with two workbooks"] = ("a.xls", CompoundFiles.Write("Workbook", "workbook")),
        ["installer"] = ("a.doc", CompoundFiles.Write("\u4840\u3f7f")),
        ["message"] = ("a.doc", CompoundFiles.Write("__properties_version1.0")),
        ["encrypted docx"] = ("a.docx", CompoundFiles.Write("EncryptionInfo", "EncryptedPackage")),
        ["odt that is larger than its directory says"] = ("a.odt", Archives.Claiming(OpenDocument("<text:p>hello</text:p>"), 300)),
        ["doc with macros"] = ("a.doc", CompoundFiles.Write("WordDocument", "_VBA_PROJECT")),
        ["doc inside something else"] = ("a.doc", CompoundFiles.Write("Other", "WordDocument", nested: true)),
        ["doc whose directory is a circle"] = ("a.doc", CompoundFiles.Circle()),
        ["beginning of a compound file"] = ("a.doc", CompoundFiles.Write("WordDocument")[..700]),
        ["compound file's first bytes"] = ("a.doc", CompoundFiles.Write("WordDocument")[..8]),
    };

    public static TheoryData<string> AcceptedSamples => [.. Accepted.Keys];

    public static TheoryData<string> RefusedSamples => [.. Refused.Keys];

    [Theory]
    [MemberData(nameof(AcceptedSamples))]
    public async Task A_printable_file_is_recognised_by_its_content(string sample)
    {
        var (type, name, content) = Accepted[sample];

        var stored = await _client.UploadedAsync(await _client.CreateAsync(), new Sample(name, content));

        Assert.Equal(type, stored[0].GetProperty("type").GetString());
        Assert.Equal(type, await relay.ScalarAsync<string>("SELECT type FROM files WHERE id = @id", new { id = stored[0].GetProperty("id").GetGuid() }));
    }

    [Theory]
    [MemberData(nameof(RefusedSamples))]
    public async Task Any_other_file_is_refused_whatever_its_name(string sample)
    {
        var sessionId = await _client.CreateAsync();

        using var answer = await _client.UploadAsync(sessionId, new Sample(Refused[sample].Name, Refused[sample].Content));

        await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_customers_page_refuses_nothing_that_is_printable()
    {
        var judged = await JudgedByPageAsync(Accepted.Select(sample => (sample.Key, sample.Value.Name, sample.Value.Content)));

        var types = judged.ToDictionary(sample => sample.Key, sample => sample.Value.TryGetProperty("type", out var type) ? type.GetString() : sample.Value.GetRawText(), StringComparer.Ordinal);
        Assert.Equal(Accepted.ToDictionary(sample => sample.Key, sample => sample.Value.Type, StringComparer.Ordinal), types!);
    }

    [Fact]
    public async Task The_customers_page_refuses_what_its_first_bytes_or_its_names_condemn()
    {
        var told = Refused.Where(sample => IsCondemnedByHead(sample.Value.Name, sample.Value.Content.AsSpan()[..Math.Min(FileSignatures.HeadSize, sample.Value.Content.Length)])).ToList();
        Assert.InRange(told.Count, 40, Refused.Count);
        string[] archives = ["archive", "archive called docx", "docm called docx", "ods", "odt with macros", "encrypted docx"];
        var judged = await JudgedByPageAsync(
            [.. told.Select(sample => (sample.Key, sample.Value.Name, sample.Value.Content)), .. archives.Select(key => (key, Refused[key].Name, Refused[key].Content))]);

        Assert.Empty(judged.Where(sample => !sample.Value.TryGetProperty("refused", out _)).Select(sample => sample.Key));
    }

    private static bool IsCondemnedByHead(string name, ReadOnlySpan<byte> head) => FileSignatures.Detect(head) switch
    {
        null => true,
        MediaTypes.Text => PlainText.IsActive(name),
        _ => false,
    };

    /// <summary>What the customer's page makes of files, by their keys: `{type}`, or `{refused}` with the word for the reason.</summary>
    private static async Task<Dictionary<string, JsonElement>> JudgedByPageAsync(IEnumerable<(string Key, string Name, byte[] Content)> files)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var paths = new List<string[]>();
            foreach (var (key, name, content) in files)
            {
                var path = Path.Combine(folder.FullName, $"{paths.Count}");
                await File.WriteAllBytesAsync(path, content, Token);
                paths.Add([key, name, path]);
            }

            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "files.json"), JsonSerializer.Serialize(paths), Token);
            var judged = await Scripts.RunAsync("customer/types.ts", $$"""
                async ({ judge }) => {
                  const { readFile } = await import('node:fs/promises')
                  const judged = {}
                  for (const [key, name, path] of JSON.parse(await readFile('{{folder.FullName}}/files.json', 'utf8')))
                    judged[key] = await judge(new Blob([await readFile(path)]), name, {{JsonSerializer.Serialize(MediaTypes.Endings.Keys)}})
                  return judged
                }
                """);
            return judged.EnumerateObject().ToDictionary(file => file.Name, file => file.Value, StringComparer.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_document_in_a_text_is_found_wherever_reads_end()
    {
        var blanks = new string(' ', 70);
        foreach (var document in (string[])[
            "%PDF-1.4\r\n%x", "{\\rtf1\\ansi", "%!PS-Adobe-3.0", "\e%-12345X@PJL",
            $"%PDF-1.4{blanks}\n{blanks}1 0 obj", $"%PDF-1.4\n{blanks}1 0 obj", $"%PDF-1.4{blanks}\n%x", $"{{\\rtf{new string('0', 70)}1\\ansi"])
        {
            var content = Bytes($"{new string('x', 100)}\n{document}{new string('x', 100)}");
            foreach (var size in (int[])[1, 2, 7, 31, 32, 33, 63, 64, 65, 100, content.Length])
            {
                var text = new PlainText(content);
                foreach (var read in content.Chunk(size))
                    text.Add(read);

                Assert.False(text.IsText);
            }
        }
    }

    [Fact]
    public void A_text_about_PDF_stays_one_wherever_reads_end()
    {
        foreach (var text in (string[])["%PDF-1.7\n\r\nand", $"%PDF-1.7{new string(' ', 70)}2", $"%PDF-1.7\n{new string(' ', 70)}and 2", "{\\rtf1", "%PDF-1.x\n1"])
        {
            var content = Bytes($"{new string('x', 100)}{text}");
            foreach (var size in (int[])[1, 2, 7, 31, 32, 33, 63, 64, 65, 100, content.Length])
            {
                var plain = new PlainText(content);
                foreach (var read in content.Chunk(size))
                    plain.Add(read);

                Assert.True(plain.IsText);
            }
        }
    }

    [Fact]
    public void A_template_of_another_machine_is_found_wherever_reads_end()
    {
        var content = Bytes(@"{\rtf1 hello {\*\template\'68t\u116?p\-://example.com/a.dotm} hello}");
        foreach (var size in (int[])[1, 2, 3, 5, 7, 31, content.Length])
        {
            var rtf = new RtfTemplate();
            foreach (var read in content.Chunk(size))
                rtf.Add(read);

            Assert.True(rtf.IsRemote);
        }
    }

    [Fact]
    public async Task Streams_that_lie_over_each_other_are_not_walked_one_by_one()
    {
        // Each is as long as the file, in the same sectors.
        var content = CompoundFiles.WithPackages(60, 4 << 20);
        await using var stream = new CountingStream(content);

        await Assert.ThrowsAsync<InvalidDataException>(() => OfficeCompoundFile.DetectAsync(stream, Token));

        Assert.InRange(stream.Reads, 0, 3 * content.Length / 64);
    }

    [Fact]
    public async Task An_OLE_file_takes_no_more_memory_than_a_few_times_its_size()
    {
        var content = CompoundFiles.WithSmallStream(uint.MaxValue - 1, rootSize: 64, longStream: uint.MaxValue);
        var before = GC.GetAllocatedBytesForCurrentThread();

        // A stream in memory completes at once, so all of it happens on this thread.
        var detection = OfficeCompoundFile.DetectAsync(new MemoryStream(content), Token);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        await Assert.ThrowsAsync<InvalidDataException>(() => detection);
    }

    /// <summary>XML that a reader would keep whole, or all of.</summary>
    private static readonly Dictionary<string, Func<string>> Large = new(StringComparer.Ordinal)
    {
        ["an attribute"] = () => $"""<text:a text:name="{new string('x', 60 << 20)}"/>""",
        ["a comment"] = () => $"<!--{new string('x', 20 << 20)}-->",
        ["an instruction"] = () => $"<?x {new string('x', 20 << 20)}?>",
        ["a name"] = () => $"<{new string('x', 20 << 20)}/>",
        ["names"] = () => string.Concat(Enumerable.Range(0, 500_000).Select(i => $"<x{i}/>")),
        ["attributes"] = () => $"<x{string.Concat(Enumerable.Range(0, 60_000).Select(i => $" a{i}=''"))}/>",
        ["elements within each other"] = () => string.Concat(Enumerable.Repeat("<x>", 500_000)),
    };

    public static TheoryData<string> LargeXml => [.. Large.Keys];

    [Theory]
    [MemberData(nameof(LargeXml))]
    public async Task Looking_into_a_document_takes_a_few_megabytes_however_large_one_thing_in_it_is(string thing)
    {
        var content = OpenDocument(Large[thing]());
        var before = GC.GetAllocatedBytesForCurrentThread();

        // A stream in memory completes at once, so all of it happens on this thread.
        var detection = OfficeZip.DetectAsync(new MemoryStream(content), Token);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        await Assert.ThrowsAsync<InvalidDataException>(() => detection);
    }

    [Fact]
    public async Task Text_in_a_document_may_have_any_length_and_takes_no_more_memory()
    {
        var content = OpenDocument($"<text:p>{new string('x', 60 << 20)}</text:p>");
        var before = GC.GetAllocatedBytesForCurrentThread();

        var detection = OfficeZip.DetectAsync(new MemoryStream(content), Token);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal(Odt, await detection);
    }

    [Theory]
    [InlineData(64 << 20, true)]
    [InlineData((64 << 20) + 1, false)]
    public async Task The_XML_of_an_OpenDocument_text_may_have_exactly_64_MiB(int size, bool isAccepted)
    {
        const string begin = "<a>", end = "</a>";
        var content = Archives.Zip(("mimetype", Bytes(Odt)), ("content.xml", Bytes(begin + new string('x', size - begin.Length - end.Length) + end)));

        Assert.Equal(isAccepted ? Odt : null, await OfficeZip.DetectAsync(new MemoryStream(content), Token));
    }

    [Theory]
    [InlineData(16 << 20, true)]
    [InlineData((16 << 20) + 1, false)]
    public async Task The_lists_of_an_Office_document_may_have_exactly_16_MiB(int size, bool isAccepted)
    {
        var types = ContentTypes("word/document.xml", Word + ".main+xml");
        var (name, relationship) = Relationship("hyperlink", "https://example.com/");
        var left = size - types.Length - relationship.Length;
        var comments = left / 1_000 - 1;
        var list = Bytes(string.Concat(Enumerable.Repeat(Comment(1_000), comments)) + Comment(left - comments * 1_000));
        var content = Archives.Zip(("[Content_Types].xml", types), ("word/document.xml", "<x/>"u8.ToArray()), (name, [.. relationship, .. list]));

        Assert.Equal(isAccepted ? Word : null, await OfficeZip.DetectAsync(new MemoryStream(content), Token));

        static string Comment(int length) => $"<!--{new string('x', length - "<!---->".Length)}-->";
    }

    [Fact]
    public async Task Documents_of_an_address_wait_for_each_other_and_a_neighbour_s_does_not()
    {
        const int Crowd = 10;
        var places = relay.Host<UploadOptions>().Services.GetRequiredService<InspectionPlaces>();
        var held = await Task.WhenAll(Enumerable.Range(0, InspectionPlaces.OfAddress).Select(_ => places.EnterAsync(IPAddress.Parse("192.0.2.1"), Token)));
        var hostile = new Sample("a.odt", OpenDocument(Large["an attribute"]()));
        var waiting = Enumerable.Range(0, Crowd).Select(_ => SendFromAsync("192.0.2.1", hostile)).ToArray();
        await UntilAsync(() => places.WaitingOf(IPAddress.Parse("192.0.2.1")) == Crowd);

        using var neighbour = await SendFromAsync("192.0.2.2", new("a.docx", Accepted["docx"].Content));

        Assert.Equal(HttpStatusCode.OK, neighbour.StatusCode);
        Assert.DoesNotContain(waiting, answer => answer.IsCompleted);
        foreach (var place in held)
            place.Dispose();
        foreach (var answer in await Task.WhenAll(waiting))
            await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");

        async Task<HttpResponseMessage> SendFromAsync(string address, Sample document)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/customer/sessions/{await _client.CreateAsync()}/upload");
            request.Content = Customer.Form(document);
            request.Headers.Add("X-Forwarded-For", address);
            return await _client.SendAsync(request, Token);
        }
    }

    [Fact]
    public async Task A_chain_of_sectors_is_followed_with_one_look_at_each()
    {
        await using var content = new CountingStream(CompoundFiles.WriteLarge("Workbook", size: 9 << 20));

        Assert.Equal(MediaTypes.Xls, await OfficeCompoundFile.DetectAsync(content, Token));

        Assert.InRange(content.Reads, (9 << 20) / 512, (9 << 20) / 512 + 100);
    }

    [Fact]
    public async Task Looking_into_a_file_ends_when_its_request_does()
    {
        var (_, name, file) = Accepted["docx"];
        var stored = await _client.UploadedAsync(await _client.CreateAsync(), new Sample(name, file));
        var key = await relay.ScalarAsync<string>("SELECT object_key FROM files WHERE id = @id", new { id = stored[0].GetProperty("id").GetGuid() });
        await using var content = new ObjectStream(relay.Service<ObjectStore>(), key!, file.Length);
        await content.ReadExactlyAsync(new byte[1], Token);

        // This block has been read: what it contains costs no request, and would be at hand for ever.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await content.ReadExactlyAsync(new byte[1], new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_long_list_of_types_is_looked_at_once()
    {
        var types = string.Concat(Enumerable.Range(0, 250_000).Select(i => Default("p", $"a/{i}")));
        var parts = Enumerable.Range(0, 9_000).Select(i => ($"{i}.p", Array.Empty<byte>())).ToArray();
        var document = new Sample("a.docx", Listing("word/document.xml", Override("word/document.xml", Word + ".main+xml") + types, parts));
        var sessionId = await _client.CreateAsync();

        // Each line for each part would take minutes.
        var stored = await _client.UploadedAsync(sessionId, document).WaitAsync(TimeSpan.FromSeconds(20), Token);

        Assert.Equal(Word, stored[0].GetProperty("type").GetString());
    }

    [Fact]
    public async Task The_page_on_types_lists_all_that_can_be_told()
    {
        var page = await File.ReadAllLinesAsync(CloudTab.Testing.Repository.PathOf("docs/types.md"), Token);

        Assert.Equal(MediaTypes.Endings.Keys.Order(), page.Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]).Order());
    }

    [Fact]
    public async Task Accepted_types_are_a_setting()
    {
        await using var host = relay.StartHost<UploadOptions>(("ACCEPTED_TYPES", $"Image/PNG, {Word}"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();

        foreach (var sample in (string[])["png", "docx"])
            await client.UploadedAsync(sessionId, new Sample(Accepted[sample].Name, Accepted[sample].Content));
        foreach (var sample in (string[])["pdf", "text", "xlsx", "doc"])
        {
            using var answer = await client.UploadAsync(sessionId, new Sample(Accepted[sample].Name, Accepted[sample].Content));
            await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        }
    }

    /// <summary>The head of a program of Windows, and where the part begins that Windows starts.</summary>
    private static byte[] Program => [.. "MZ"u8, .. new byte[0x3A], 0x40, 0, 0, 0, .. "PE\0\0"u8];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] OpenDocument(string elements) => Archives.Zip(("mimetype", Bytes(Odt)), ("content.xml", Bytes($"""
        <office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
            xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" xmlns:xlink="http://www.w3.org/1999/xlink">
          {elements}
        </office:document-content>
        """)));

    private static byte[] ContentTypes(string part, string type) => Types(Default("xml", "application/xml") + Override(part, type));

    private static byte[] Types(string listed) => Encoding.UTF8.GetBytes($"""<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{listed}</Types>""");

    private static string Default(string ending, string type) => $"""<Default Extension="{ending}" ContentType="{type}"/>""";

    private static string Override(string part, string type) => $"""<Override PartName="/{part}" ContentType="{type}"/>""";

    private static (string Name, byte[] Content) Relationship(string kind, string target, bool external = true) => ($"word/_rels/{Guid.NewGuid():N}.xml.rels", Encoding.UTF8.GetBytes($"""
        <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
          <Relationship Id="a" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"{(external ? " TargetMode=\"External\"" : "")}/>
        </Relationships>
        """));

    private static byte[] Ooxml(string part, string type, params (string Name, byte[] Content)[] others) =>
        Listing(part, Default("xml", "application/xml") + Override(part, type), others);

    private static byte[] Listing(string part, string types, params (string Name, byte[] Content)[] others) =>
        Archives.Zip([("[Content_Types].xml", Types(types)), (part, "<x/>"u8.ToArray()), .. others]);

    /// <summary>A workbook of one sheet ([MS-XLS]), as its list and as the sheet itself say of what kind.</summary>
    private static byte[] Biff(byte listed, byte actual, bool isEncrypted = false)
    {
        byte[] password = isEncrypted ? [0x2F, 0, 2, 0, 0, 0] : [];
        var sheet = (byte)(8 + password.Length + 12 + 4);
        return [9, 8, 4, 0, 0, 6, 5, 0, .. password, 0x85, 0, 8, 0, sheet, 0, 0, 0, 0, listed, 0, 0, 10, 0, 0, 0, 9, 8, 4, 0, 0, 6, actual, 0, 10, 0, 0, 0];
    }

    private static byte[] VbaAtom(byte hasMacros) => [2, 0, 0, 4, 12, 0, 0, 0, 1, 0, 0, 0, hasMacros, 0, 0, 0, 2, 0, 0, 0];

    private sealed class CountingStream(byte[] content) : MemoryStream(content)
    {
        public int Reads { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            return base.ReadAsync(buffer, cancellationToken);
        }
    }
}
