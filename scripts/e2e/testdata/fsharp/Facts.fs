module Facts

open System.Runtime.InteropServices

let json language =
    sprintf """{"language":"%s","architecture":"%O"}""" language RuntimeInformation.ProcessArchitecture
