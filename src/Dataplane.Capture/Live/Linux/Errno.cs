namespace Dataplane.Capture.Live.Linux;

/// <summary>Error numbers of Linux that are told apart.</summary>
internal static class Errno
{
    internal const int NotPermitted = 1;
    internal const int Interrupted = 4;
    internal const int Again = 11;
    internal const int AccessDenied = 13;
    internal const int Busy = 16;
    internal const int Exists = 17;
    internal const int NoDevice = 19;
    internal const int NoSuchDeviceOrAddress = 6;
    internal const int InvalidArgument = 22;
    internal const int MessageTooLong = 90;
    internal const int NetworkDown = 100;
    internal const int NoBuffers = 105;
}
