interface Page { readonly url: string, readonly status: number, readonly headers: Headers, readonly text: string }

/** As much of a browser as a server-rendered page needs: cookies, redirects, forms. */
export function browser () {
  const cookies = new Map<string, string>()
  async function open (address: string, form?: Record<string, string>): Promise<Page> {
    const response = await fetch(address, {
      method: form === undefined ? 'GET' : 'POST',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      redirect: 'manual'
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) return open(new URL(location, address).href)
    return { url: address, status: response.status, headers: response.headers, text: await response.text() }
  }
  return { cookies, open }
}
